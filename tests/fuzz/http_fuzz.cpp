// Bytes of a connection, as the server reads them: the scan of the header, the HTTP parser, then
// everything that is decided before a handler runs. The body comes in the pieces that the parser
// gives.
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "http/admission.h"
#include "http/endpoints/all_endpoints.h"
#include "http/framing.h"
#include "http/reply_head.h"
#include "platform/error.h"

namespace bh = boost::beast::http;
using namespace atelier;
using namespace atelier::http;

namespace {

using Parser = bh::request_parser<bh::buffer_body>;

const AccessRules& rules() {
  static const AccessRules kRules{"127.0.0.1", {"studio.lan"}, {"https://gallery.example"}, "key"};
  return kRules;
}

void admit_and_answer(const Parser& parser) {
  static const std::vector<Route> kRoutes = all_endpoints();
  Request request;
  request.method = std::string{parser.get().method_string()};
  for (const auto& field : parser.get()) {
    request.headers.emplace_back(std::string{field.name_string()}, std::string{field.value()});
  }
  if (check_framing(request, static_cast<int>(parser.get().version()))) return;
  try {
    const Admission admission =
        admit(request, std::string{parser.get().target()}, "127.0.0.1", rules(), kRoutes);
    if (admission.answer) {
      const std::string head = reply_head(*admission.answer, {0}, cors_fields(request));
      // One blank line, at the end: nothing of the request may end the head early.
      if (head.find("\r\n\r\n") != head.size() - 4) __builtin_trap();
    }
  } catch (const Error&) {  // an unreadable address: answered with 400
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  HeadScan scan{32 << 10};
  if (!scan.is_complete({reinterpret_cast<const char*>(data), size})) return 0;
  Parser parser;
  parser.header_limit((32 << 10) + 2);
  parser.body_limit(boost::none);
  ChunkExtensions extensions;
  auto check_chunk = [&](std::uint64_t, boost::beast::string_view extension,
                         boost::system::error_code& error) {
    if (!extensions.are_fine({extension.data(), extension.size()})) {
      error = bh::error::bad_chunk_extension;
    }
  };
  parser.on_chunk_header(check_chunk);
  boost::system::error_code error;
  boost::asio::const_buffer input{data, size};
  input += scan.begin();
  const std::size_t head = parser.put(input, error);
  if (error) return 0;
  // A header that is complete for the scan is complete for the parser, or is refused by it.
  if (!parser.is_header_done() || head != scan.end() - scan.begin()) __builtin_trap();
  input += head;
  admit_and_answer(parser);
  std::string piece(64, '\0');
  while (!parser.is_done() && input.size() > 0) {
    parser.get().body() = {piece.data(), piece.size(), true};
    const std::size_t used = parser.put(input, error);
    if (error == bh::error::need_buffer) error = {};
    if (error || used == 0) break;
    input += used;
  }
  return 0;
}
