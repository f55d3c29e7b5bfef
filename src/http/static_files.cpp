#include "http/static_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "http/representation.h"
#include "platform/byte_source.h"
#include "platform/error.h"

namespace atelier::http {
namespace {

namespace fs = std::filesystem;

std::string media_type(const std::string& ending) {
  static constexpr std::array kTypes{
      std::pair{".html", "text/html; charset=utf-8"},
      std::pair{".js", "text/javascript; charset=utf-8"},
      std::pair{".mjs", "text/javascript; charset=utf-8"},
      std::pair{".css", "text/css; charset=utf-8"},
      std::pair{".json", "application/json"},
      std::pair{".svg", "image/svg+xml"},
      std::pair{".png", "image/png"},
      std::pair{".jpg", "image/jpeg"},
      std::pair{".webp", "image/webp"},
      std::pair{".ico", "image/x-icon"},
      std::pair{".woff2", "font/woff2"},
      std::pair{".wasm", "application/wasm"},
      std::pair{".txt", "text/plain; charset=utf-8"},
      std::pair{".webmanifest", "application/manifest+json"},
  };
  for (const auto& [known, type] : kTypes) {
    if (ending == known) return type;
  }
  return "application/octet-stream";
}

// Links may point anywhere, so the real place is what counts.
bool is_inside(const fs::path& folder, const fs::path& file) {
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error) return false;
  const fs::path real = fs::canonical(file, error);
  if (error) return false;
  return std::ranges::mismatch(root, real).in1 == root.end();
}

std::string entity_tag(const fs::path& path) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error).time_since_epoch().count();
  return "\"" + std::to_string(fs::file_size(path, error)) + "-" + std::to_string(time) + "\"";
}

Response page_not_built() {
  Response response;
  response.content_type = "text/html; charset=utf-8";
  response.body =
      "<!doctype html><meta charset=utf-8><title>Atelier</title><p>The station runs. Its page has "
      "not been built: run <code>make build</code>. The API is described at <a "
      "href=/openapi.json>/openapi.json</a>.";
  return response;
}

}  // namespace

std::string_view content_security_policy() {
  return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
         "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

Response static_file(const std::string& folder, const std::string& path, const Request& request) {
  std::string name = path == "/" ? "index.html" : path.substr(1);
  const bool is_page = name.ends_with("index.html");
  const bool looks_like_file = name.find('.', name.rfind('/') + 1) != std::string::npos;
  fs::path file = fs::path{folder} / name;
  std::error_code ignored;
  if (folder.empty() || !is_inside(folder, file)) {
    if (looks_like_file && !is_page) {
      throw Error(ErrorCode::kNotFound, "the page has no file " + path);
    }
    name = "index.html";
    file = fs::path{folder} / name;
  }
  Response response;
  response.content_type = media_type(file.extension().string());
  const bool exists = !folder.empty() && fs::is_regular_file(file, ignored);
  if (!exists && (is_page || name == "index.html")) {
    response = page_not_built();
  } else if (!exists) {
    throw Error(ErrorCode::kNotFound, "the page has no file " + path);
  }
  response.set("Content-Security-Policy", std::string{content_security_policy()});
  response.set("Referrer-Policy", "no-referrer");
  response.set("X-Frame-Options", "DENY");
  response.set("Cross-Origin-Opener-Policy", "same-origin");
  if (!exists) return response;
  // The build puts a hash of the contents into the names of these.
  const bool immutable = name.starts_with("assets/");
  response.set("Cache-Control", immutable ? "public, max-age=31536000, immutable" : "no-cache");
  const std::string tag =
      entity_tag(file);  // first: a file that is replaced meanwhile is read again
  represent(request, tag, platform::open_file(file), response);
  return response;
}

}  // namespace atelier::http
