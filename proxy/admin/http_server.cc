// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin/http_server.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/system/error_code.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <list>
#include <optional>
#include <thread>
#include <utility>

#include "proxy/admin/json_bodies.h"

namespace loadline::admin {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
// One protocol for TCP and Unix sockets: Beast's templates are compiled once.
using Stream = asio::generic::stream_protocol;

constexpr std::size_t kReadSize = 1024;  // Most requests fit.
// After a refusal: how much more is read, so that closing doesn't reset the connection under the
// answer before the client has read it.
constexpr std::size_t kDiscardSizeMax = std::size_t{256} * 1024;
// After accept() failed, most likely for want of file descriptors.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

class Connection;
using Connections = std::list<std::shared_ptr<Connection>>;

// What the connections of a server share. Used on its thread only.
struct Shared {
  const HttpServer::Answer& answer;
  const HttpServer::Options& options;
  Connections open = {};  // The one that has idled longest first.
};

// One client. Lives in Shared::open, and as long as one of its operations is pending.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Stream::socket socket, Shared& shared)
      : shared_(&shared), stream_(std::move(socket)) {}

  void start(Connections::iterator place) {
    place_ = place;
    await_request(shared_->options.request_timeout);
  }
  void close() {
    if (is_open_) shared_->open.erase(place_);
    is_open_ = false;
    stream_.close();
  }
  [[nodiscard]] bool is_idle() const noexcept { return is_idle_; }

 private:
  using Parser = http::request_parser<http::string_body>;

  // Binds a member as a completion handler that keeps the connection alive.
  template <typename Member>
  auto then(Member member) {
    return [self = shared_from_this(), member](error_code error, std::size_t size) {
      if (self->is_open_) ((*self).*member)(error, size);
    };
  }

  // Waits for a request's first bytes apart from reading the rest, because the two waits have
  // different bounds, and who has nothing to say may be closed to make room.
  void await_request(std::chrono::milliseconds timeout) {
    if (buffer_.size() > 0) return read_request();  // A pipelined one is there already.
    is_idle_ = true;
    shared_->open.splice(shared_->open.end(), shared_->open, place_);
    stream_.expires_after(timeout);
    stream_.async_read_some(buffer_.prepare(kReadSize), then(&Connection::on_first_bytes));
  }

  void on_first_bytes(error_code error, std::size_t size) {
    is_idle_ = false;
    if (error) return close();
    buffer_.commit(size);
    read_request();
  }

  void read_request() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_->options.header_size_max));
    parser_->body_limit(shared_->options.body_size_max);
    stream_.expires_after(shared_->options.request_timeout);
    http::async_read(stream_, buffer_, *parser_, then(&Connection::on_request));
  }

  void on_request(error_code error, std::size_t /*size*/) {
    if (!error) {
      const auto& request = parser_->get();
      const auto method = request.method_string();
      const auto target = request.target();
      return write(shared_->answer({.method = {method.data(), method.size()},
                                    .target = {target.data(), target.size()},
                                    .body = request.body()}),
                   request.method() == http::verb::head, request.keep_alive());
    }
    const auto refusal = refusal_for(error);
    if (!refusal) return close();
    write(*refusal, /*is_head=*/false, /*keep_alive=*/false);
  }

  // What to say to a request that could not be read; nothing to a client that left or was too slow.
  [[nodiscard]] static std::optional<HttpResponse> refusal_for(error_code error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return problem(431, "Request Header Fields Too Large", "The request's header is too long.");
    }
    if (error == http::error::body_limit) {
      return problem(413, "Content Too Large", "The request's body is too long.");
    }
    const bool is_parse_error =
        error.category() == http::make_error_code(http::error::bad_method).category();
    if (!is_parse_error || error == http::error::end_of_stream ||
        error == http::error::partial_message) {
      return std::nullopt;
    }
    return problem(400, "Bad Request", "This is not an HTTP/1.1 request.");
  }

  void write(HttpResponse answer, bool is_head, bool keep_alive) {
    response_ = {};
    response_.result(answer.status);
    response_.version(11);
    response_.keep_alive(keep_alive);
    response_.set(http::field::content_type, view(answer.content_type));
    response_.set(http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    if (!answer.allow.empty()) response_.set(http::field::allow, view(answer.allow));
    response_.content_length(answer.body.size());
    if (!is_head) response_.body() = std::move(answer.body);
    stream_.expires_after(shared_->options.request_timeout);
    http::async_write(stream_, response_, then(&Connection::on_written));
  }

  void on_written(error_code error, std::size_t /*size*/) {
    if (error) return close();
    if (response_.keep_alive()) return await_request(shared_->options.idle_timeout);
    stream_.socket().shutdown(asio::socket_base::shutdown_send, error);
    stream_.expires_after(shared_->options.request_timeout);
    discard();
  }

  void discard() {
    stream_.async_read_some(asio::buffer(discarded_), then(&Connection::on_discarded));
  }

  void on_discarded(error_code error, std::size_t size) {
    discarded_size_ += size;
    if (error || discarded_size_ > kDiscardSizeMax) return close();
    discard();
  }

  static boost::beast::string_view view(std::string_view text) {
    return {text.data(), text.size()};
  }

  Shared* shared_;
  Connections::iterator place_;
  bool is_open_ = true;
  bool is_idle_ = false;
  boost::beast::basic_stream<Stream> stream_;
  boost::beast::flat_buffer buffer_{shared_->options.header_size_max +
                                    shared_->options.body_size_max};
  std::optional<Parser> parser_;
  http::response<http::string_body> response_;
  std::array<char, 4096> discarded_;
  std::size_t discarded_size_ = 0;
};

// Whether `path` is a socket file that belongs to nobody any more. Asks for its type too:
// connecting to an ordinary file is refused just the same.
bool is_stale_socket(asio::io_context& io, const std::string& path) {
  std::error_code unreadable;
  if (!std::filesystem::is_socket(std::filesystem::symlink_status(path, unreadable))) return false;
  error_code error;
  asio::local::stream_protocol::socket probe(io);
  probe.connect(asio::local::stream_protocol::endpoint(path), error);
  return error == asio::error::connection_refused;
}

std::string to_text(const Stream::endpoint& bound) {
  asio::ip::tcp::endpoint tcp;
  std::memcpy(tcp.data(), bound.data(), std::min(bound.size(), tcp.capacity()));
  const auto host = tcp.address().to_string();
  return tcp.address().is_v6() ? fmt::format("[{}]:{}", host, tcp.port())
                               : fmt::format("{}:{}", host, tcp.port());
}

}  // namespace

class HttpServer::Loop {
 public:
  Loop(const Answer& answer, const Options& options)
      : shared_{.answer = answer, .options = options} {}

  ~Loop() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    // Pending operations own what is left, and die with io_: a connection must not outlive it.
    shared_.open.clear();
    if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  error_code listen(const config::Endpoint& endpoint) {
    return endpoint.unix_path.empty() ? listen_tcp(endpoint) : listen_unix(endpoint.unix_path);
  }

  // The operating system's signals are for the thread that waits for them, not for this one.
  void run() {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    accept();
    thread_ = std::thread([this] { io_.run(); });
    pthread_setname_np(thread_.native_handle(), "loadline-admin");
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  [[nodiscard]] std::string address() const {
    if (!unix_path_.empty()) return "unix:" + unix_path_;
    error_code error;
    return to_text(acceptor_.local_endpoint(error));
  }

 private:
  error_code listen_tcp(const config::Endpoint& endpoint) {
    error_code error;
    asio::ip::tcp::resolver resolver(io_);
    using Flags = asio::ip::resolver_base;
    const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port),
                                        Flags::passive | Flags::numeric_service, error);
    if (error) return error;
    return bind(found.begin()->endpoint());
  }

  error_code listen_unix(const std::string& path) {
    using Local = asio::local::stream_protocol;
    // Asio throws for a path that doesn't fit.
    if (path.size() >= sizeof(sockaddr_un::sun_path)) return asio::error::name_too_long;
    auto error = bind(Local::endpoint(path));
    if (error == asio::error::address_in_use && is_stale_socket(io_, path)) {
      ::unlink(path.c_str());
      error = bind(Local::endpoint(path));
    }
    if (!error) unix_path_ = path;
    return error;
  }

  error_code bind(const Stream::endpoint& endpoint) {
    error_code error;
    if (acceptor_.is_open()) acceptor_.close(error);
    acceptor_.open(endpoint.protocol(), error);
    if (error) return error;
    acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (error) return error;
    acceptor_.bind(endpoint, error);
    if (error) return error;
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
    return error;
  }

  void accept() {
    acceptor_.async_accept([this](error_code error, Stream::socket socket) {
      if (error) {
        pause_.expires_after(kAcceptPause);
        return pause_.async_wait([this](error_code /*error*/) { accept(); });
      }
      add(std::move(socket));
      accept();
    });
  }

  void add(Stream::socket socket) {
    if (shared_.open.size() >= shared_.options.connections_max && !close_idle()) return;
    const auto place = shared_.open.insert(
        shared_.open.end(), std::make_shared<Connection>(std::move(socket), shared_));
    (*place)->start(place);
  }

  // Connections go to the end when they begin to idle, so the first idle one has idled longest.
  bool close_idle() {
    for (const auto& connection : shared_.open) {
      if (!connection->is_idle()) continue;
      std::shared_ptr<Connection>(connection)->close();
      return true;
    }
    return false;
  }

  // In this order: what is destroyed first may use what stands before it.
  Shared shared_;
  asio::io_context io_{1};
  asio::basic_socket_acceptor<Stream> acceptor_{io_};
  asio::steady_timer pause_{io_};
  std::string unix_path_;
  std::thread thread_;
};

HttpResponse problem(unsigned status, std::string_view title, std::string_view detail) {
  return {.status = status,
          .content_type = "application/problem+json",
          .body = problem_json(status, title, detail)};
}

HttpServer::HttpServer(Answer answer, const Options& options)
    : answer_(std::move(answer)), options_(options) {}

HttpServer::~HttpServer() { stop(); }

std::error_code HttpServer::start(const config::Endpoint& endpoint) {
  auto loop = std::make_unique<Loop>(answer_, options_);
  if (const auto error = loop->listen(endpoint)) return error;
  address_ = loop->address();
  loop->run();
  loop_ = std::move(loop);
  return {};
}

void HttpServer::stop() {
  loop_.reset();
  address_.clear();
}

}  // namespace loadline::admin
