#include "storage/sqlite/database.h"

#include <sqlite3.h>

#include <cerrno>

#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::storage {

namespace {

// SQLite opens the file again read-only after a failure, and the reason is lost.
constexpr std::string_view kOpenAdvice =
    "; see that its folder can be written, and free some space if its disk is full";
// Statements that a connection keeps: more than the store has, but for filters in rare
// combinations.
constexpr std::size_t kStatementsKept = 64;

}  // namespace

Database::Database(const std::string& path) : path_(path) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    const std::string why = handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory";
    sqlite3_close(handle_);
    throw Error(ErrorCode::kInternal,
                "the database '" + path + "' cannot be opened: " + why + std::string(kOpenAdvice));
  }
  sqlite3_busy_timeout(handle_, 5000);
}

Database::~Database() {
  for (const auto& [sql, statement] : idle_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

void Database::fail(const std::string& what) const {
  const int code = sqlite3_errcode(handle_);
  std::string sentence = "the database '" + path_ + "' " + what + ": " + sqlite3_errmsg(handle_);
  const int system = sqlite3_system_errno(handle_);
  const bool no_space = system == ENOSPC || system == EDQUOT || system == EFBIG;
  if (code == SQLITE_FULL || (code == SQLITE_IOERR && no_space)) {
    sentence += "; the disk is full: free some space and try again";
  }
  if (code == SQLITE_CANTOPEN) sentence += kOpenAdvice;
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
    sentence += "; move the file away to start with a new one";
  }
  throw Error(ErrorCode::kInternal, sentence);
}

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail("refused a statement");
  }
}

int Database::changes() const { return sqlite3_changes(handle_); }

sqlite3_stmt* Database::prepared(std::string_view sql) {
  if (const auto found = idle_.find(sql); found != idle_.end()) {
    auto* statement = found->second;
    idle_.erase(found);
    return statement;
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    fail("cannot prepare '" + std::string(sql) + "'");
  }
  return statement;
}

void Database::give_back(sqlite3_stmt* statement) {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (idle_.size() < kStatementsKept &&
      idle_.try_emplace(sqlite3_sql(statement), statement).second) {
    return;
  }
  sqlite3_finalize(statement);
}

Statement::Statement(Database& database, std::string_view sql)
    : database_(database), handle_(database.prepared(sql)) {}

Statement::~Statement() { database_.give_back(handle_); }

Statement& Statement::bind(int index, std::int64_t value) {
  if (sqlite3_bind_int64(handle_, index, value) != SQLITE_OK) database_.fail("cannot bind a value");
  return *this;
}

Statement& Statement::bind(int index, std::string_view value) {
  const auto text = platform::valid_utf8(value);  // SQLite itself takes any bytes as text
  if (sqlite3_bind_text64(handle_, index, text.c_str(), text.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8) != SQLITE_OK) {
    database_.fail("cannot bind a value");
  }
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  database_.fail("cannot be read or written");
}

void Statement::run() {
  while (step()) {
  }
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

std::string Statement::text(int column) const {
  const auto* data = sqlite3_column_text(handle_, column);
  const auto size = sqlite3_column_bytes(handle_, column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}

Transaction::Transaction(Database& database, Kind kind) : database_(database) {
  Statement(database_, kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN").run();
}

// SQLite itself rolls back after some failures.
Transaction::~Transaction() {
  if (sqlite3_get_autocommit(database_.handle_) == 0) {
    sqlite3_exec(database_.handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Transaction::commit() { Statement(database_, "COMMIT").run(); }

}  // namespace atelier::storage
