// SQLite with our errors: a connection and its statements. The C interface is used directly because
// the project has one exception class. Not thread-safe: the owner of a Database locks around it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace atelier::storage {

class Database {
 public:
  explicit Database(const std::string& path);  // ":memory:" for tests
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void execute(const std::string& sql);  // several statements, no values
  int changes() const;                   // rows of the last statement

 private:
  friend class Statement;
  [[noreturn]] void fail(const std::string& what) const;
  std::string path_;
  sqlite3* handle_ = nullptr;
};

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

}  // namespace atelier::storage
