"""Programs with heaps or compilers of their own."""

from malloc.preload import PreloadTest

SCRIPT = """
const crypto = require('crypto'), zlib = require('zlib'), { Worker } = require('worker_threads');
const work = `const zlib = require('zlib'), { parentPort, workerData } = require('worker_threads');
    const text = Buffer.from('a text of thread ' + workerData + ' '.repeat(workerData)).toString().repeat(20000);
    parentPort.postMessage(zlib.gunzipSync(zlib.gzipSync(text)).length);`;
const table = Array.from({ length: 100000 }, (_, n) => ({ n, name: 'name ' + n * 7919 % 100003, tags: [n, n * n] }));
const text = JSON.stringify(table);
const digest = data => crypto.createHash('sha256').update(data).digest('hex');
console.log(digest(text), digest(zlib.brotliDecompressSync(zlib.brotliCompressSync(text,
    { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } }))));
const blocks = [];
for (let n = 0; n < 20000; n++) { blocks[n % 500] = Buffer.alloc(n * 37 % 100000, n & 255); }
console.log(digest(Buffer.concat(blocks)));
const threads = Array.from({ length: 6 }, (_, n) => new Promise((good, bad) => {
    new Worker(work, { eval: true, workerData: n }).on('message', good).on('error', bad);
}));
Promise.all(threads).then(lengths => console.log(lengths.join()));
"""

CRATE = """
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value { Null, Number(i64), Text(String), List(Vec<Value>), Map(BTreeMap<String, Value>) }

macro_rules! shapes { ($($name:ident: $count:literal),*) => { $(
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct $name { pub fields: [f64; $count], pub name: String, pub more: HashMap<String, Vec<u8>> }
    impl $name {
        pub fn area(&self) -> f64 { self.fields.iter().zip(self.fields.iter().rev()).map(|(a, b)| a * b).sum() }
        pub fn describe<T: Debug>(&self, extra: T) -> String { format!("{self:?} {extra:?} {}", self.area()) }
    }
)* } }
shapes! { Point: 2, Triangle: 6, Square: 8, Cube: 24, Path: 30, Mesh: 32 }

pub fn parse(text: &str) -> Result<Value, String> {
    let mut list = Vec::new();
    for word in text.split_whitespace() {
        list.push(match word.parse() { Ok(number) => Value::Number(number), Err(_) => Value::Text(word.to_owned()) });
    }
    if list.is_empty() { Err("nothing".to_owned()) } else { Ok(Value::List(list)) }
}

fn main() {
    let value = parse("1 two 3 four").unwrap();
    println!("{value:?}");
    println!("{}", Mesh::default().describe(&value).len());
    println!("{}", Cube { fields: [1.5; 24], ..Default::default() }.describe(Path::default()).len());
}
"""


class Programs(PreloadTest):
    def test_node(self) -> None:
        (self.folder / "script.js").write_text(SCRIPT)
        stock = self.run_program(["node", "script.js"], preload=False)
        self.assertEqual(len(stock.splitlines()), 3)
        with self.watched("node"):
            self.assertEqual(self.run_program(["node", "script.js"], preload=True), stock)

    def test_rust_compiler(self) -> None:
        # Debian's: that of rustup has a malloc of its own in it, and so do its rustdoc and clippy.
        (self.folder / "shapes.rs").write_text(CRATE)
        programs = []
        with self.watched("rustc"):
            for name, preload in (("stock", False), ("ours", True)):
                programs.append(self.folder / name / "shapes")
                programs[-1].parent.mkdir()
                command = ["/usr/bin/rustc", "--edition=2021", "-O", "-C", "codegen-units=4", "-o", programs[-1]]
                self.run_program([*command, "shapes.rs"], preload)
        stock, ours = programs
        said = self.run_program([stock], preload=False)
        self.assertEqual(self.run_program([ours], preload=True), said)
        self.assertTrue(ours.read_bytes() == stock.read_bytes(), "it was compiled to something else")
