#include "domain/settings/settings.h"

// Header only and without exceptions: a syntax error is a value, translated at once.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "domain/settings/limits.h"
#include "platform/ascii.h"
#include "platform/error.h"
#include "platform/nearest.h"
#include "platform/utf8.h"

namespace atelier::domain {
namespace {

// One setting: its key in settings.toml and among the flags, its variables (a later one takes
// precedence, those of a list are joined), and the parser of its text.
struct Setting {
  std::string_view key;
  std::vector<std::string_view> variables;
  void (*set)(Settings& settings, const std::string& value, const std::string& source);
  std::string_view flag = {};  // the flag, where it is not "--" and the key
};

[[noreturn]] void refuse(const std::string& source, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, source + ": " + why);
}

int whole_number(const std::string& text, const std::string& source, int minimum, int maximum) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value < minimum ||
      value > maximum) {
    refuse(source, "invalid value '" + text + "': expected an integer from " +
                       std::to_string(minimum) + " to " + std::to_string(maximum));
  }
  return value;
}

// "a, b" or ["a", "b"]: the legacy systems accept both.
std::vector<std::string> list(const std::string& text) {
  std::vector<std::string> parts;
  std::string part;
  for (const char c : text + ",") {
    if (c == ',') {
      if (!part.empty()) parts.push_back(part);
      part.clear();
    } else if (std::string_view("[]\"' \t").find(c) == std::string_view::npos) {
      part += c;
    }
  }
  return parts;
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

std::string choice(const std::string& value, const std::string& source,
                   const std::vector<std::string>& choices) {
  const auto wanted = platform::lower(value);
  if (std::ranges::find(choices, wanted) == choices.end()) {
    std::string names;
    for (const auto& name : choices) names += (names.empty() ? "" : ", ") + name;
    refuse(source, "'" + value + "' is not known: choose one of " + names);
  }
  return wanted;
}

std::string log_level(const std::string& value, const std::string& source) {
  auto level = platform::lower(value);
  if (level == "warn") level = "warning";
  if (level == "trace") level = "debug";
  if (level == "critical") level = "error";
  return choice(level, source, {"debug", "info", "warning", "error"});
}

int queue_length(const std::string& text, const std::string& source) {
  return whole_number(text, source, 1, 1'000'000);
}

std::string light_engine(const std::string& value, const std::string& source) {
  if (value.find('/') != std::string::npos) return value;
  const auto name = platform::lower(value);
  const std::vector<std::string> names{"auto", "off", "cpu", "cuda", "fake"};
  if (std::ranges::find(names, name) != names.end()) return name;
  refuse(source, "'" + platform::cut(value, 100) +
                     "' is not known: choose one of auto, off, cpu, cuda, fake, or the path of an "
                     "engine library");
}

using Text = const std::string&;

const std::vector<Setting>& table() {
  static const std::vector<Setting> settings{
      {"server.host", {"HOST"}, [](Settings& s, Text v, Text) { s.host = v; }},
      {"server.port",
       {"PORT"},
       [](Settings& s, Text v, Text from) { s.port = whole_number(v, from, 0, 65535); },
       "--port"},
      {"server.api_key", {"ATELIER_API_KEY"}, [](Settings& s, Text v, Text) { s.api_key = v; }},
      {"server.hosts", {"ATELIER_HOSTS"}, [](Settings& s, Text v, Text) { s.hosts = list(v); }},
      {"server.origins",
       {"CORS_ORIGINS", "DNA_CORS_ALLOW_ORIGINS"},
       [](Settings& s, Text v, Text) { append(s.origins, list(v)); }},
      {"server.connections_max",
       {"ATELIER_CONNECTIONS_MAX"},
       [](Settings& s, Text v, Text from) {
         s.connections_max = whole_number(v, from, limits::kConnectionsMin, 100'000);
       }},
      {"server.web_root", {"ATELIER_WEB"}, [](Settings& s, Text v, Text) { s.web_root = v; }},
      {"log.level",
       {"LOG_LEVEL"},
       [](Settings& s, Text v, Text from) { s.log_level = log_level(v, from); },
       "--log-level"},
      {"log.debug_file",
       {"DNA_DEBUG_LOG_PATH"},
       [](Settings& s, Text v, Text) { s.debug_log = v; }},
      {"memory.mode",
       {"VRAM_MODE"},
       [](Settings& s, Text v, Text from) {
         s.vram_mode = choice(v, from, {"high", "balanced", "low"});
       }},
      {"memory.budget_mb",
       {"ATELIER_MEMORY_BUDGET_MB"},
       [](Settings& s, Text v, Text from) {
         s.memory_budget_mb = whole_number(v, from, 0, 100'000'000);
       }},
      {"engine.name", {"ATELIER_ENGINE"}, [](Settings& s, Text v, Text) { s.engine = v; }},
      {"engine.light",
       {"ATELIER_LIGHT_ENGINE"},
       [](Settings& s, Text v, Text from) { s.light_engine = light_engine(v, from); }},
      {"engine.fake", {"ATELIER_FAKE"}, [](Settings& s, Text v, Text) { s.fake = v; }},
      {"engine.threads",
       {"ATELIER_THREADS"},
       [](Settings& s, Text v, Text from) { s.threads = whole_number(v, from, 0, 1024); },
       "--threads"},
      {"engine.cuda_devices",
       {"CUDA_VISIBLE_DEVICES"},
       [](Settings& s, Text v, Text) { s.cuda_devices = v; }},
      {"engine.nvml", {"ATELIER_NVML"}, [](Settings& s, Text v, Text) { s.nvml = v; }},
      // Before those of one priority, which take precedence.
      {"queue.max",
       {"ATELIER_QUEUE_MAX"},
       [](Settings& s, Text v, Text from) { s.queue_max.fill(queue_length(v, from)); }},
      {"queue.max_immediate",
       {"ATELIER_QUEUE_MAX_IMMEDIATE"},
       [](Settings& s, Text v, Text from) { s.queue_max[3] = queue_length(v, from); }},
      {"queue.max_interactive",
       {"ATELIER_QUEUE_MAX_INTERACTIVE"},
       [](Settings& s, Text v, Text from) { s.queue_max[2] = queue_length(v, from); }},
      {"queue.max_preload",
       {"ATELIER_QUEUE_MAX_PRELOAD"},
       [](Settings& s, Text v, Text from) { s.queue_max[1] = queue_length(v, from); }},
      {"queue.max_background",
       {"ATELIER_QUEUE_MAX_BACKGROUND"},
       [](Settings& s, Text v, Text from) { s.queue_max[0] = queue_length(v, from); }},
      {"jobs.keep_days",
       {"ATELIER_JOBS_KEEP_DAYS"},
       [](Settings& s, Text v, Text from) { s.keep_jobs_days = whole_number(v, from, 0, 36'500); }},
      {"jobs.keep_max",
       {"ATELIER_JOBS_KEEP_MAX"},
       [](Settings& s, Text v, Text from) {
         s.keep_jobs_max = whole_number(v, from, 0, 1'000'000'000);
       }},
      {"queue.drain_seconds",
       {"ATELIER_DRAIN_SECONDS"},
       [](Settings& s, Text v, Text from) { s.drain_seconds = whole_number(v, from, 0, 86'400); }},
      {"models.default",
       {"ATELIER_DEFAULT_MODEL"},
       [](Settings& s, Text v, Text) { s.default_model = v; }},
      {"models.unknown",
       {"ATELIER_UNKNOWN_MODELS"},
       [](Settings& s, Text v, Text from) {
         s.refuse_unknown_models = choice(v, from, {"default", "refuse"}) == "refuse";
       }},
      {"models.starter", {"ATELIER_STARTER"}, [](Settings& s, Text v, Text) { s.starter = v; }},
      {"models.folders",
       {"MOONDREAM_MODELS_DIR", "ATELIER_MODELS"},
       [](Settings& s, Text v, Text) { append(s.model_folders, list(v)); },
       "--models"},
      {"models.comfyui", {"ATELIER_COMFYUI"}, [](Settings& s, Text v, Text) { s.comfyui = v; }},
      {"models.a1111", {"ATELIER_A1111"}, [](Settings& s, Text v, Text) { s.a1111 = v; }},
      {"models.huggingface",
       {"HF_HUB_CACHE", "ATELIER_HUGGINGFACE"},
       [](Settings& s, Text v, Text) { s.huggingface = v == "off" ? "" : v; }},
  };
  return settings;
}

std::string text_of(const toml::node& node, const std::string& source) {
  if (const auto text = node.value<std::string>()) return *text;
  if (const auto whole = node.value<std::int64_t>()) return std::to_string(*whole);
  if (const auto* parts = node.as_array()) {
    std::string joined;
    for (const auto& part : *parts) joined += text_of(part, source) + ",";
    return joined;
  }
  refuse(source, "expected a text, an integer or a list of them");
}

toml::table read_file(const std::string& file) {
  auto parsed = toml::parse(file);
  if (!parsed) {
    refuse("settings.toml line " + std::to_string(parsed.error().source().begin.line),
           std::string(parsed.error().description()));
  }
  return std::move(parsed).table();
}

std::string variable(const Environment& environment, const std::string& name) {
  return environment(name).value_or("");
}

// Only the source with the highest precedence is read.
void read_setting(const Setting& setting, const toml::table& file, const Environment& environment,
                  const FlagValues& flags, Settings& settings) {
  auto& said_by = settings.sources[std::string(setting.key)];
  if (const auto flag = flags.find(std::string(setting.key)); flag != flags.end()) {
    said_by = setting.flag.empty() ? "--" + flag->first : std::string(setting.flag);
    return setting.set(settings, flag->second, said_by);
  }
  bool found = false;
  for (const auto name : setting.variables) {
    const auto value = variable(environment, std::string(name));
    if (value.empty()) continue;
    setting.set(settings, value, std::string(name));
    said_by += (found ? ", " : "") + std::string(name);
    found = true;
  }
  const auto node = file.at_path(setting.key);
  if (found || !node) return;
  said_by = "settings.toml, " + std::string(setting.key);
  setting.set(settings, text_of(*node.node(), said_by), said_by);
}

// The nearest known key, for a whole key ("sever.port") or its last part ("prot").
std::string nearest_key(const std::string& key) {
  std::vector<std::string> whole, alone;
  for (const auto& setting : table()) {
    whole.emplace_back(setting.key);
    alone.emplace_back(setting.key.substr(setting.key.find('.') + 1));
  }
  if (const auto near = platform::near_names(key, whole, 1); !near.empty()) return near.front();
  const auto near = platform::near_names(key.substr(key.rfind('.') + 1), alone, 1);
  if (near.empty()) return "";
  return whole[static_cast<std::size_t>(std::ranges::find(alone, near.front()) - alone.begin())];
}

void find_unknown_keys(const toml::table& file, const std::string& prefix,
                       std::vector<std::string>& problems) {
  for (const auto& [name, node] : file) {
    const auto key = prefix + std::string(name.str());
    if (std::ranges::find(table(), std::string_view(key), &Setting::key) != table().end()) continue;
    if (const auto* inner = node.as_table()) {
      find_unknown_keys(*inner, key + ".", problems);
      continue;
    }
    const auto near = nearest_key(key);
    problems.push_back(
        "settings.toml line " + std::to_string(node.source().begin.line) + ": '" +
        platform::cut(key, 100) + "' is not a setting and was ignored" +
        (near.empty() ? ": docs/settings.md lists them" : " (did you mean '" + near + "'?)"));
  }
}

// Variables of the legacy systems for features that this version does not have.
struct LaterVariable {
  std::string_view name, belongs_to;
};

constexpr LaterVariable kLater[] = {
    {"MOONDREAM_PATH", "the vision models"},
    {"MOONDREAM_AUTO_UNLOAD", "the memory modes"},
    {"DNA_DATA_DIR", "the job backend's interface on port 8000"},
    {"DNA_OUTPUT_DIR", "the job backend's interface on port 8000"},
};

std::vector<std::string> without_effect(const Environment& environment) {
  std::vector<std::string> sentences;
  for (const auto& later : kLater) {
    const auto value = variable(environment, std::string(later.name));
    if (value.empty()) continue;
    sentences.push_back(std::string(later.name) + "=" + platform::cut(value, 200) +
                        " is recognised but has no effect: it belongs to " +
                        std::string(later.belongs_to) + ", which this version does not have");
  }
  return sentences;
}

std::string default_huggingface(const Environment& environment) {
  const auto own = variable(environment, "HF_HOME");
  if (!own.empty()) return own + "/hub";
  const auto cache = variable(environment, "XDG_CACHE_HOME");
  if (!cache.empty()) return cache + "/huggingface/hub";
  const auto user = variable(environment, "HOME");
  return user.empty() ? "" : user + "/.cache/huggingface/hub";
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

std::string home_folder(const Environment& environment, const FlagValues& flags) {
  if (const auto flag = flags.find("home"); flag != flags.end()) return flag->second;
  if (const auto home = variable(environment, "ATELIER_HOME"); !home.empty()) return home;
  if (const auto data = variable(environment, "XDG_DATA_HOME"); !data.empty()) {
    return data + "/atelier";
  }
  const auto user = variable(environment, "HOME");
  if (user.empty())
    refuse("ATELIER_HOME", "expected a folder: neither ATELIER_HOME nor HOME is set");
  return user + "/.local/share/atelier";
}

Settings read_settings(const std::string& file, const Environment& environment,
                       const FlagValues& flags) {
  Settings settings;
  settings.home = home_folder(environment, flags);
  settings.queue_max.fill(limits::kQueuedMax);
  settings.keep_jobs_max = limits::kEndedJobsStored;
  settings.drain_seconds = limits::kDrainSeconds;
  settings.connections_max = limits::kConnections;
  settings.huggingface = default_huggingface(environment);
  const auto document = read_file(file);
  for (const auto& setting : table()) {
    read_setting(setting, document, environment, flags, settings);
  }
  std::erase_if(settings.sources, [](const auto& each) { return each.second.empty(); });
  find_unknown_keys(document, "", settings.problems);
  settings.without_effect = without_effect(environment);
  return settings;
}

}  // namespace atelier::domain
