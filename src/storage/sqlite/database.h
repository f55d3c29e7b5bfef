// SQLite with our errors: a connection, its statements and its transactions. The C interface is
// used directly because the project has one exception class. Not thread-safe: a connection is used
// by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace atelier::storage {

class Database {
 public:
  explicit Database(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void execute(const std::string& sql);  // several statements, no values
  int changes() const;                   // rows of the last statement

 private:
  friend class Statement;
  friend class Transaction;
  [[noreturn]] void fail(const std::string& what) const;
  sqlite3_stmt* prepared(std::string_view sql);
  void give_back(sqlite3_stmt* statement);

  std::string path_;
  sqlite3* handle_ = nullptr;
  std::map<std::string, sqlite3_stmt*, std::less<>> idle_;  // prepared statements, by their text
};

// A statement, prepared once per connection.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int index, std::int64_t value);  // from 1
  Statement& bind(int index, std::string_view value);
  bool step();  // true: a row is there
  void run();   // to the end

  std::int64_t integer(int column) const;  // from 0
  std::string text(int column) const;

 private:
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

// Rolled back unless commit() has returned. A transaction that reads sees one state of the
// database.
class Transaction {
 public:
  enum class Kind { kRead, kWrite };

  Transaction(Database& database, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  Database& database_;
};

}  // namespace atelier::storage
