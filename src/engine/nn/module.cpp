#include "engine/nn/module.h"

#include <set>

#include "engine/tensor/poll.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace

struct Binder::Record {
  const TensorSource& source;
  BindOptions options;
  std::set<std::string, std::less<>> names;  // of the source
  std::set<std::string, std::less<>> used;
  WeightArena arena;
  std::shared_ptr<ModuleTree> modules;
};

Binder::Binder(const TensorSource& source, const BindOptions& options)
    : record_(std::make_shared<Record>(
          Record{source, options, {}, {}, {}, std::make_shared<ModuleTree>(options)})) {
  for (std::string& name : source.names()) record_->names.insert(std::move(name));
}

Binder::Binder(std::shared_ptr<Record> record, std::string prefix)
    : record_(std::move(record)), prefix_(std::move(prefix)) {}

Binder Binder::scope(std::string_view name) const {
  return Binder(record_, prefix_ + std::string(name) + ".");
}

bool Binder::has(std::string_view name) const { return record_->names.contains(full(name)); }

bool Binder::has_scope(std::string_view name) const {
  const std::string start = full(name) + ".";
  const auto first = record_->names.lower_bound(start);
  return first != record_->names.end() && first->starts_with(start);
}

std::optional<std::vector<std::int64_t>> Binder::shape(std::string_view name) const {
  return record_->source.shape(full(name));
}

Tensor Binder::tensor(std::string_view name, at::IntArrayRef expected_shape) const {
  return tensor(name, expected_shape, record_->options.dtype);
}

Tensor Binder::tensor(std::string_view name, at::IntArrayRef expected_shape,
                      at::ScalarType dtype) const {
  const std::string key = full(name);
  const Tensor stored = found(key, expected_shape);
  Tensor bound = converted(key, stored, dtype);
  if (bound.is_alias_of(stored)) {
    bound = bound.clone();
    record_->source.release(key);
  }
  return bound;
}

Tensor Binder::borrowed(std::string_view name, at::IntArrayRef expected_shape) const {
  const std::string key = full(name);
  return converted(key, found(key, expected_shape), record_->options.dtype);
}

Tensor Binder::converted(const std::string& key, const Tensor& stored, at::ScalarType dtype) const {
  const Tensor bound = stored.to(record_->options.device, dtype).contiguous();
  if (!bound.is_alias_of(stored)) record_->source.release(key);
  return bound;
}

Tensor Binder::found(const std::string& key, at::IntArrayRef expected_shape) const {
  poll();
  const auto shape = record_->source.shape_for(key, expected_shape);
  if (!shape) {
    throw Error(ErrorCode::kCorruptData,
                record_->source.where() + ": tensor '" + key + "' of shape " +
                    shape_text(expected_shape) +
                    " is missing: the file is incomplete or of another model");
  }
  if (at::IntArrayRef(*shape) != expected_shape) {
    throw Error(ErrorCode::kCorruptData,
                record_->source.where() + ": tensor '" + key + "' has shape " + shape_text(*shape) +
                    ", expected " + shape_text(expected_shape) +
                    ": the configuration does not belong to these weights");
  }
  record_->used.insert(key);
  return record_->source.get(key);
}

Tensor Binder::stored(std::string_view name, at::IntArrayRef expected_shape) const {
  return found(full(name), expected_shape).contiguous();
}

void Binder::release(std::string_view name) const { record_->source.release(full(name)); }

bool Binder::packs_weights() const {
  return record_->options.packed && dtype() == at::kBFloat16 && device().is_cpu() &&
         bf16_products_supported();
}

bool Binder::precise() const { return record_->options.precise; }

WeightArena& Binder::arena() const { return record_->arena; }

Tensor Binder::tensor_if_present(std::string_view name, at::IntArrayRef expected_shape) const {
  return has(name) ? tensor(name, expected_shape) : Tensor();
}

void Binder::skip(std::string_view name) const { record_->used.insert(full(name)); }

const std::shared_ptr<ModuleTree>& Binder::modules() const { return record_->modules; }

at::ScalarType Binder::dtype() const { return record_->options.dtype; }
at::Device Binder::device() const { return record_->options.device; }

std::vector<std::string> Binder::unused() const {
  std::vector<std::string> unused;
  for (const std::string& name : record_->source.names()) {
    if (!record_->used.contains(name)) unused.push_back(name);
  }
  return unused;
}

void Binder::check_all_used() const {
  const std::vector<std::string> left = unused();
  if (left.empty()) return;
  std::string some;
  for (std::size_t i = 0; i < left.size() && i < 3; ++i)
    some += (i == 0 ? "'" : ", '") + left[i] + "'";
  throw Error(ErrorCode::kCorruptData,
              record_->source.where() + ": " + std::to_string(left.size()) +
                  " tensors belong to no part of this architecture (" + some +
                  "): the model is of a kind that is not known here");
}

}  // namespace atelier::engine
