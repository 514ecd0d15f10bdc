/**
 * What back ends call over Thrift. The field ids are what old clients send. From this folder:
 *
 *     thrift --gen rs -out ../src/backend backend_service.thrift
 *
 * with Debian's thrift-compiler, 0.17.
 */

namespace cpp planet
namespace java planet
namespace php Planet
namespace py planet_backend
namespace rb Planet

service BackendService {
  /** Sends to every connection of these users; gives the number of connections. */
  i32 sendUserMessage(1: list<string> userIds, 2: string data, 3: string sphere),

  /** Publishes to these channels; gives the number of connections. */
  i32 sendChannelMessage(1: list<string> channels, 2: string data, 3: string sphere),

  i32 getNumUsersOnline(1: string sphere),

  /** Those of the users who are online. */
  list<string> getUsersOnline(1: list<string> userIds, 2: string sphere),

  /** Closes all connections of the user. */
  void logout(1: string userId, 2: string sphere),

  /** A token that lets a client connect as the user. */
  string generateToken(1: string userId, 2: string sphere),

  list<string> getUsersInChannel(1: string channelName, 2: string sphere),
}
