// Connections that read, each used by one thread at a time, so that no reader waits for the writer.
// Any thread; waits while all are in use.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "platform/condition.h"
#include "storage/sqlite/database.h"

namespace atelier::storage {

class ReaderPool {
 public:
  // Once, before the first reader.
  void open(const std::string& path, int connections);

  // A connection, until the end of this value.
  class Reader {
   public:
    explicit Reader(ReaderPool& pool) : pool_(pool), database_(pool.take()) {}
    ~Reader() { pool_.give_back(std::move(database_)); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    Database& operator*() const { return *database_; }

   private:
    ReaderPool& pool_;
    std::unique_ptr<Database> database_;
  };

 private:
  std::unique_ptr<Database> take();
  void give_back(std::unique_ptr<Database> database);

  std::mutex mutex_;
  platform::Condition returned_;
  std::vector<std::unique_ptr<Database>> idle_;  // guarded by mutex_
};

}  // namespace atelier::storage
