// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "config/parse.h"

namespace loadline::config {

tl::expected<Config, Diagnostics> load(const std::string& path) {
  const auto failed = [&](std::string message) {
    return tl::unexpected(Diagnostics{{path, {}, std::move(message)}});
  };
  const auto system_error = [&] {
    return failed(fmt::format("cannot be read: {}; expected a configuration file",
                              std::generic_category().message(errno)));
  };
  struct Close {
    void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "re"));
  if (!file) return system_error();

  std::string text(kFileSizeMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return system_error();
  if (text.size() > kFileSizeMax) {
    return failed(fmt::format("is too large; expected at most {} bytes", kFileSizeMax));
  }
  return parse(text, path);
}

}  // namespace loadline::config
