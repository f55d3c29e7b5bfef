// Writes the tiny models of tools/reference/tiny_models.py as diffusers folders: configurations
// from the golden file, weights made here. A value depends on the tensor's name and its index
// alone.
#pragma once

#include <boost/json.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace atelier::golden {

inline std::vector<float> seeded(const std::string& name, const std::vector<std::int64_t>& shape) {
  std::uint64_t key = 14695981039346656037ULL;  // FNV-1a
  for (const char c : name) {
    key = (key ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  std::size_t count = 1;
  for (const std::int64_t side : shape) {
    count *= static_cast<std::size_t>(side);
  }
  const double fan_in = static_cast<double>(count) / static_cast<double>(shape.front());
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t z = key + (i + 1) * 0x9E3779B97F4A7C15ULL;  // splitmix64
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    z = z ^ (z >> 31U);
    const double unit = static_cast<double>(z >> 40U) / 8388608.0 - 1.0;  // [-1, 1)
    values[i] = static_cast<float>(name.ends_with(".bias") ? 0.05 * unit
                                   : shape.size() == 1     ? 1.0 + 0.1 * unit
                                                           : unit * std::sqrt(3.0 / fan_in));
  }
  return values;
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

using MakeValues =
    std::function<std::vector<float>(const std::string& name, const std::vector<std::int64_t>&)>;

// `tensors` is [[name, shape], …].
inline void write_safetensors(const std::filesystem::path& path, const boost::json::array& tensors,
                              const MakeValues& make_values = seeded) {
  boost::json::object header;
  std::vector<float> data;
  for (const auto& entry : tensors) {
    const auto name = std::string(entry.at(0).as_string());
    const auto shape = boost::json::value_to<std::vector<std::int64_t>>(entry.at(1));
    const std::vector<float> values = make_values(name, shape);
    const std::size_t begin = data.size() * sizeof(float);
    data.insert(data.end(), values.begin(), values.end());
    header[name] = {{"dtype", "F32"},
                    {"shape", entry.at(1)},
                    {"data_offsets", {begin, data.size() * sizeof(float)}}};
  }
  std::string text = boost::json::serialize(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  const std::uint64_t length = text.size();
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << text;
  file.write(reinterpret_cast<const char*>(data.data()),
             static_cast<std::streamsize>(data.size() * sizeof(float)));
}

// `model` is the "model" object of a pipeline golden file.
inline void write_tiny_model(const std::filesystem::path& folder,
                             const boost::json::object& model) {
  boost::json::object index = model.at("index").as_object();
  for (const auto& [part, tensors] : model.at("tensors").as_object()) {
    const auto component = std::string(part);
    const bool text = component.starts_with("text_encoder");
    boost::json::object config = model.at(component).as_object();
    const boost::json::value& class_name = model.at("classes").at(component);
    config["_class_name"] = class_name;
    if (text) {
      config["architectures"] = boost::json::array{class_name};
    }
    index[component] = boost::json::array{text ? "transformers" : "diffusers", class_name};
    write_text(folder / component / "config.json", boost::json::serialize(config));
    write_safetensors(
        folder / component / (text ? "model.safetensors" : "diffusion_pytorch_model.safetensors"),
        tensors.as_array());
  }
  index["scheduler"] = boost::json::array{"diffusers", model.at("scheduler").at("_class_name")};
  write_text(folder / "scheduler" / "scheduler_config.json",
             boost::json::serialize(model.at("scheduler")));
  write_text(folder / "model_index.json", boost::json::serialize(index));
}

}  // namespace atelier::golden
