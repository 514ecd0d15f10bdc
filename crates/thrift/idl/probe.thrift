/**
 * A service with every type there is, for tests, examples and the bench. From this folder:
 *
 *     thrift --gen rs -out ../examples/probe probe.thrift
 *
 * with Debian's thrift-compiler, 0.17.
 */

enum Weather {
  SUN = 1,
  RAIN = 2,
  SNOW = 7,
}

typedef i64 Seconds

struct Place {
  1: required string name,
  2: optional double height,
  3: string country = "nowhere",
}

union Value {
  1: i64 number,
  2: string text,
  3: binary bytes,
  4: list<i32> numbers,
}

struct Everything {
  1: bool truth,
  2: i8 tiny,
  3: i16 small,
  4: i32 medium,
  5: i64 large,
  6: double real,
  7: string text,
  8: binary bytes,
  9: Weather weather,
  10: Place place,
  11: list<list<i32>> rows,
  12: set<string> names,
  13: map<string, list<Place>> places,
  14: map<i32, set<i64>> groups,
  15: Value value,
  16: optional string absent,
  17: optional i32 answer = 42,
  18: Seconds age,
  19: list<bool> flags,
  40: bool far,
}

struct Tree {
  1: i32 weight,
  2: list<Tree> branches,
}

exception Refused {
  1: i32 code,
  2: string reason,
}

service Probe {
  /** What came. */
  Everything echo(1: Everything everything),
  bool negate(1: bool truth),
  i32 add(1: i32 left, 2: i32 right),
  binary reverse(1: binary bytes),
  void nothing(),
  /** Keeps a text, which notes() gives. */
  oneway void note(1: string text),
  list<string> notes(),
  /** Always throws. */
  i32 refuse(1: i32 code) throws (1: Refused refused),
  /** The sum of all weights. */
  i32 weigh(1: Tree tree),
  /** Answers after so many milliseconds. */
  i32 sleep(1: i32 milliseconds),
}
