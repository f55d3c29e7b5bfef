// `atelier generate`, `models list` and `doctor` on the command line, with the fake engine and a
// home of their own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "codec/picture_file.h"

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CommandLine : public testing::Test {
 protected:
  CommandLine() {
    std::string name = (fs::temp_directory_path() / "atelier-cli-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) home_ = name;
  }
  ~CommandLine() override { fs::remove_all(home_); }

  // Runs `atelier ARGUMENTS` and returns its exit status; output_ holds what it printed on both
  // streams. `before` is shell text: more variables of its environment.
  int run(const std::string& arguments, const std::string& before = "") {
    const std::string command = "cd '" + home_.string() + "' && ATELIER_HOME='" + home_.string() +
                                "' ATELIER_ENGINE=fake ATELIER_FAKE=step_ms=1 " + before +
                                " '" ATELIER_PROGRAM "' " + arguments + " 2>&1 </dev/null";
    output_.clear();
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return -1;
    std::array<char, 4096> buffer;
    while (const std::size_t count = ::fread(buffer.data(), 1, buffer.size(), pipe)) {
      output_.append(buffer.data(), count);
    }
    const int status = ::pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string read(const std::string& file) const {
    std::ifstream stream(home_ / file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  std::vector<std::uint8_t> pixels(const std::string& file) const {
    const std::string bytes = read(file);
    const auto picture = atelier::codec::decode_picture(
        {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, {});
    return picture.image ? picture.image->pixels : std::vector<std::uint8_t>{};
  }

  void write(const std::string& file, const atelier::media::Image& picture) const {
    const auto bytes = atelier::codec::encode_picture(picture, {});
    std::ofstream(home_ / file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }

  static void SetUpTestSuite() { atelier::codec::start_codecs("cli_test"); }

  fs::path home_;
  std::string output_;
};

TEST_F(CommandLine, MakesAPictureWithItsParametersAsText) {
  ASSERT_EQ(run("generate 'a red circle' -o out.png --steps 3 --seed 7"), 0) << output_;
  const std::string png = read("out.png");
  EXPECT_EQ(png.substr(1, 3), "PNG");
  EXPECT_THAT(png, HasSubstr("parameters"));
  EXPECT_THAT(png, HasSubstr("a red circle"));
  EXPECT_THAT(png, HasSubstr("Seed: 7"));
}

TEST_F(CommandLine, EnlargesAPicture) {
  ASSERT_EQ(run("generate x --size 64x64 --steps 1 -o small.png"), 0) << output_;
  EXPECT_EQ(run("upscale small.png -o large.png"), 0) << output_;
  EXPECT_EQ(read("large.png").substr(1, 3), "PNG");
  EXPECT_EQ(run("upscale small.png -o large.jpg"), 2);
  EXPECT_THAT(output_, HasSubstr("-o: pictures are written as PNG"));
  EXPECT_EQ(run("upscale small.png --tile 7 -o other.png"), 2);
  EXPECT_THAT(output_, HasSubstr("--tile: 7 pixels is out of range: choose 192 to 1024"));
  EXPECT_EQ(run("upscale nothing.png -o other.png"), 1);
  EXPECT_THAT(output_, HasSubstr("nothing.png"));
  std::ofstream(home_ / "text.png") << "no picture";
  EXPECT_EQ(run("upscale text.png -o other.png"), 1);
  EXPECT_THAT(output_, HasSubstr("atelier: text.png: "));
  EXPECT_THAT(output_, testing::Not(HasSubstr("the image")));
}

TEST_F(CommandLine, ReplacesFilesThatExistOnRequestOnlyAndNeverTheInput) {
  ASSERT_EQ(run("generate x --size 64x64 --steps 1 --batch 2 -o out.png"), 0) << output_;
  const auto before = read("out.png");
  EXPECT_EQ(run("generate y --size 64x64 --steps 1 -o out.png"), 1);
  EXPECT_THAT(output_, HasSubstr("-o: the file 'out.png' exists: choose another name, or add "
                                 "--overwrite to replace it"));
  fs::remove(home_ / "out.png");
  EXPECT_EQ(run("generate y --size 64x64 --steps 1 --batch 2 -o out.png"), 1);
  EXPECT_THAT(output_, HasSubstr("'out-2.png' exists"));
  EXPECT_FALSE(fs::exists(home_ / "out.png"));
  ASSERT_EQ(run("generate y --size 64x64 --steps 1 --batch 2 -o out.png --overwrite"), 0);
  EXPECT_NE(read("out.png"), before);
  EXPECT_EQ(run("upscale out.png -o out-2.png"), 1);
  // The same file by another name.
  fs::create_hard_link(home_ / "out.png", home_ / "link.png");
  const auto kept = read("out.png");
  for (const char* name : {"out.png", "./out.png", "link.png"}) {
    EXPECT_EQ(run("upscale out.png --overwrite -o " + std::string(name)), 2) << name;
    EXPECT_THAT(output_, HasSubstr("is the file that is read, and it is never overwritten"));
  }
  EXPECT_EQ(run("generate x --image out.png --overwrite -o link.png"), 2);
  EXPECT_EQ(read("out.png"), kept);
  EXPECT_EQ(run("upscale out.png --overwrite -o out-2.png"), 0) << output_;
}

// The same kind of failure has the same exit status in every command.
TEST_F(CommandLine, ExitStatusesAndNamesOfCommands) {
  ASSERT_EQ(run("generate x --size 64x64 --steps 1 -o one.png"), 0) << output_;
  for (const char* arguments :
       {"", "no-such", "models no-such", "upscale", "upscale one.png --no-such 1", "classify",
        "generate", "generate x --steps many -o a.png", "serve --port many",
        "classify one.png --dtype half", "upscale one.png -o a.png --scale 9", "classify .",
        "upscale . -o a.png"}) {
    EXPECT_EQ(run(arguments), 2) << arguments << output_;
  }
  for (const char* arguments :
       {"upscale nothing.png -o a.png", "classify nothing.png", "upscale one.png -o no-such/a.png",
        "classify one.png --model no-such", "upscale one.png -o a.png --model no-such"}) {
    EXPECT_EQ(run(arguments), 1) << arguments << output_;
  }
  for (const char* arguments : {"--help", "--version", "upscale --help"}) {
    EXPECT_EQ(run(arguments), 0) << arguments;
  }
  run("--help");
  EXPECT_THAT(output_, HasSubstr("Exit status of every command: 0 done; 1 it failed; 2"));
  run("upscal one.png");
  EXPECT_THAT(output_, HasSubstr("atelier: unknown command 'upscal': did you mean upscale? the "
                                 "commands of 'atelier' are serve, generate, upscale, classify"));
  run("models lst");
  EXPECT_THAT(output_, HasSubstr("did you mean list? the commands of 'atelier models' are list"));
}

TEST_F(CommandLine, ClassifiesPicturesOneAfterTheOther) {
  ASSERT_EQ(run("generate x --size 64x64 --steps 1 -o one.png"), 0) << output_;
  ASSERT_EQ(run("generate y --size 72x64 --steps 1 -o two.png"), 0) << output_;
  ASSERT_EQ(run("classify one.png two.png"), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("one.png:  plain 86.0 %  marked 14.0 %\n"));
  EXPECT_THAT(output_, HasSubstr("two.png:  plain 78.0 %  marked 22.0 %\n"));
  // One that cannot be read does not keep the others from being classified.
  EXPECT_EQ(run("classify --json nothing.png one.png"), 1);
  EXPECT_THAT(output_, HasSubstr(R"({"file":"nothing.png","error":")"));
  EXPECT_THAT(output_, HasSubstr(R"({"file":"one.png","model":"fake",)"));
  EXPECT_THAT(output_, HasSubstr(R"("labels":[{"label":"plain","score":0.86},)"));
  EXPECT_EQ(run("upscale . -o large.png"), 2);
  EXPECT_THAT(output_, HasSubstr("'.' is not a regular file"));
  EXPECT_EQ(run("classify one.png --dtype half"), 2);
  EXPECT_THAT(output_, HasSubstr("--dtype: 'half' is not known"));
  EXPECT_NE(run("classify"), 0);
}

TEST_F(CommandLine, NumbersThePicturesOfABatch) {
  ASSERT_EQ(run("generate 'two' -o out.png --steps 2 --batch 2"), 0) << output_;
  EXPECT_TRUE(fs::exists(home_ / "out.png"));
  EXPECT_TRUE(fs::exists(home_ / "out-2.png"));
}

TEST_F(CommandLine, TheSameSeedIsTheSamePicture) {
  ASSERT_EQ(run("generate 'x' -o a.png --steps 2 --seed 3"), 0) << output_;
  ASSERT_EQ(run("generate 'x' -o b.png --steps 2 --seed 3"), 0) << output_;
  ASSERT_EQ(run("generate 'x' -o c.png --steps 2 --seed 4"), 0) << output_;
  EXPECT_FALSE(pixels("a.png").empty());
  EXPECT_EQ(pixels("a.png"), pixels("b.png"));
  EXPECT_NE(pixels("a.png"), pixels("c.png"));
}

TEST_F(CommandLine, RefusesInvalidValuesWithASentenceAndWritesNothing) {
  EXPECT_NE(run("generate 'x' -o out.png --steps 0"), 0);
  EXPECT_THAT(output_, HasSubstr("steps"));
  EXPECT_NE(run("generate 'x' -o out.png --size 7by7"), 0);
  EXPECT_THAT(output_, HasSubstr("--size"));
  EXPECT_NE(run("generate 'x' -o out.jpg"), 0);
  EXPECT_THAT(output_, HasSubstr(".png"));
  EXPECT_FALSE(fs::exists(home_ / "out.png"));
}

TEST_F(CommandLine, NamesTheFlagsThatWereTyped) {
  EXPECT_EQ(run("generate 'x' -o out.png --size 7x7"), 2);
  EXPECT_THAT(
      output_,
      HasSubstr("--size: 7 pixels is out of range: choose a multiple of 8 from 64 to 2048"));
  EXPECT_EQ(run("generate 'x' -o out.png --cfg 1000"), 2);
  EXPECT_THAT(output_, HasSubstr("--cfg: 1000 is out of range: choose 0 to 100"));
  EXPECT_EQ(run("serve --port many"), 2);
  EXPECT_THAT(output_, HasSubstr("atelier: --port: invalid value 'many'"));
}

TEST_F(CommandLine, SeedsHave64BitsAndMinusOneIsAny) {
  ASSERT_EQ(run("generate 'x' -o out.png --overwrite --steps 2 --seed -1"), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("seed "));
  EXPECT_THAT(output_, testing::Not(HasSubstr("seed 18446744073709551615")));
  ASSERT_EQ(run("generate 'x' -o out.png --overwrite --steps 2 --seed 18446744073709551615"), 0)
      << output_;
  EXPECT_THAT(output_, HasSubstr("seed 18446744073709551615"));
  EXPECT_THAT(read("out.png"), HasSubstr("Seed: 18446744073709551615,"));
  ASSERT_EQ(
      run("generate 'x' -o out.png --overwrite --steps 2 --batch 2 --seed 18446744073709551615"),
      0);
  EXPECT_THAT(read("out-2.png"), HasSubstr("Seed: 0,"));
  for (const char* seed : {"seven", "-2", "1.5", "18446744073709551616"}) {
    EXPECT_EQ(run("generate 'x' -o out.png --overwrite --seed " + std::string(seed)), 2);
    EXPECT_THAT(output_, HasSubstr("--seed: invalid seed '" + std::string(seed) + "'"));
  }
}

TEST_F(CommandLine, ReportsFlagsWithoutEffect) {
  ASSERT_EQ(run("generate '' -o out.png --steps 2 --strength 0.5"), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("the prompt is empty"));
  EXPECT_THAT(output_, HasSubstr("note: --strength was ignored: it has no effect without 'image'"));
  EXPECT_NE(run("generate -o out.png"), 0);
}

// A program that answers /health like a station and nothing else, and records what it receives.
class Impostor {
 public:
  Impostor() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0) std::abort();
    if (::listen(socket_, 16) != 0) std::abort();
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread{[this] { serve(); }};
  }
  ~Impostor() {
    stop();
    ::close(socket_);
  }
  Impostor(const Impostor&) = delete;
  Impostor& operator=(const Impostor&) = delete;

  const std::string& url() const { return url_; }
  // All received bytes; it stops serving.
  const std::string& stop() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
    return seen_;
  }

 private:
  void serve() {
    while (!over_) {
      pollfd readable{socket_, POLLIN, 0};
      if (::poll(&readable, 1, 50) <= 0) continue;
      const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      std::array<char, 65536> buffer;
      const ssize_t count = ::recv(client, buffer.data(), buffer.size(), 0);
      if (count > 0) seen_.append(buffer.data(), static_cast<std::size_t>(count));
      const std::string_view reply =
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
          R"({"status":"ok","server":"moondream-station"})";
      ::send(client, reply.data(), reply.size(), MSG_NOSIGNAL);
      ::close(client);
    }
  }

  int socket_ = -1;
  std::string url_, seen_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

TEST_F(CommandLine, KeyAndPromptGoOnlyToTheStationThatHoldsTheHome) {
  ::setenv("ATELIER_API_KEY", "topsecret", 1);
  Impostor impostor;
  std::ofstream(home_ / "station.json") << R"({"url":")" << impostor.url() << R"(","pid":1})";
  std::ofstream(home_ / "station.lock").flush();
  ASSERT_EQ(run("generate 'a private prompt' -o out.png --steps 2"), 0) << output_;
  EXPECT_TRUE(fs::exists(home_ / "out.png"));
  EXPECT_EQ(run("models list"), 0) << output_;
  EXPECT_EQ(impostor.stop(), "");
  ::unsetenv("ATELIER_API_KEY");
}

TEST_F(CommandLine, LooksForAStationWithoutSendingTheKey) {
  ::setenv("ATELIER_API_KEY", "topsecret", 1);
  Impostor impostor;
  std::ofstream(home_ / "station.json") << R"({"url":")" << impostor.url() << R"(","pid":1})";
  const int lock = ::open((home_ / "station.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
  run("models list");  // its interpretation of the replies is not tested here
  ::close(lock);
  const std::string seen = impostor.stop();
  const std::string health = seen.substr(0, seen.find("\r\n\r\n"));
  EXPECT_THAT(health, HasSubstr("GET /health"));
  EXPECT_THAT(health, testing::Not(HasSubstr("topsecret")));
  EXPECT_THAT(seen, HasSubstr("GET /api/v1/models"));
  ::unsetenv("ATELIER_API_KEY");
}

// A picture that is transparent on its left, and a mask of a square in its middle.
TEST_F(CommandLine, CompositesThePictureAndKeepsWhatIsOutsideTheMask) {
  atelier::media::Image picture{64, 64, 4, {}}, mask{64, 64, 1, {}}, hole{64, 64, 4, {}};
  for (int i = 0; i < 64 * 64; ++i) {
    const int x = i % 64, y = i / 64;
    const bool square = x >= 24 && x < 40 && y >= 24 && y < 40;
    picture.pixels.insert(picture.pixels.end(), {200, 0, 0, std::uint8_t(x < 32 ? 0 : 255)});
    mask.pixels.push_back(square ? 255 : 0);
    hole.pixels.insert(hole.pixels.end(), {0, 0, 0, std::uint8_t(square ? 0 : 255)});
  }
  write("in.png", picture);
  write("mask.png", mask);
  write("hole.png", hole);
  const std::string command =
      "generate x -o out.png --overwrite --size 64x64 --steps 2 --image in.png ";
  const auto at = [this](int x) {
    const auto all = pixels("out.png");
    const auto first = all.begin() + (60 * 64 + x) * 3;
    return std::vector<std::uint8_t>(first, first + 3);
  };
  ASSERT_EQ(run(command + "--mask mask.png"), 0) << output_;
  EXPECT_THAT(at(2), testing::ElementsAre(255, 255, 255));
  EXPECT_THAT(at(60), testing::ElementsAre(200, 0, 0));
  ASSERT_EQ(run(command + "--mask mask.png --matte '#00ff00'"), 0) << output_;
  EXPECT_THAT(at(2), testing::ElementsAre(0, 255, 0));
  ASSERT_EQ(run(command + "--mask mask.png --no-keep-outside"), 0) << output_;
  EXPECT_THAT(at(60), testing::Not(testing::ElementsAre(200, 0, 0)));
  EXPECT_EQ(run(command + "--mask hole.png"), 2);
  EXPECT_THAT(output_, HasSubstr("--mask: the mask has no white"));
  std::ofstream(home_ / "empty.png").close();
  EXPECT_EQ(run(command + "--mask empty.png"), 2);
  EXPECT_THAT(output_, HasSubstr("--mask: the file 'empty.png' is empty"));
  EXPECT_EQ(run(command + "--cfg nan"), 2);
  EXPECT_THAT(output_, HasSubstr("--cfg: invalid number"));
  EXPECT_EQ(run(command + "--matte glass"), 2);
  EXPECT_THAT(output_, HasSubstr("--matte: invalid colour"));
  ASSERT_EQ(run(command + "--no-keep-outside"), 0) << output_;
  EXPECT_THAT(output_,
              HasSubstr("note: --no-keep-outside was ignored: it has no effect without 'mask'"));
}

TEST_F(CommandLine, ListsTheModels) {
  ASSERT_EQ(run("models list"), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("fake"));
}

TEST_F(CommandLine, TheDoctorNamesUnknownSettingsAndMissingFolders) {
  std::ofstream(home_ / "settings.toml") << "prot = 5\n[models]\nfolders = [\"/no/such\"]\n";
  EXPECT_EQ(run("doctor"), 1);
  EXPECT_THAT(output_, HasSubstr("settings.toml line 1: 'prot' is not a setting"));
  EXPECT_THAT(output_, HasSubstr("did you mean 'server.port'?"));
  EXPECT_THAT(output_, HasSubstr("settings.toml, models.folders: there is no folder '/no/such'"));
}

TEST_F(CommandLine, TheDoctorChecksProcessorMemoryAndDisk) {
  run("doctor");  // its exit status depends on this machine and is not tested here
  EXPECT_THAT(output_, HasSubstr("processor"));
  EXPECT_THAT(output_, HasSubstr("memory"));
  EXPECT_THAT(output_, HasSubstr("disk"));
}

TEST_F(CommandLine, TheDoctorListsGpusAndExaminesAWorkerOnEach) {
  std::ofstream(home_ / "nvml") << "gpus 3\nmemory 1 8192 4096\n"
                                   "fail nvmlDeviceGetHandleByIndex_v2 15 2\n";
  EXPECT_EQ(run("doctor", "ATELIER_NVML=" FAKE_NVML " ATELIER_FAKE_NVML=nvml"), 1);
  EXPECT_THAT(output_, HasSubstr("GPU 1      NVIDIA Fake 24GB, compute capability 8.9, 8.5 GB, "
                                 "4.2 GB free, 37 % busy, 41 °C"));
  EXPECT_THAT(output_, HasSubstr("NVIDIA's driver 550.54.15"));
  EXPECT_THAT(output_, HasSubstr("- GPU 2 is lost (GPU is lost, NVML error 15)"));
  const std::string engine = "engine     fake on";
  EXPECT_NE(output_.find(engine), output_.rfind(engine)) << output_;
}

TEST_F(CommandLine, TheDoctorNamesTheDecodersMeasures) {
  run("doctor");
  EXPECT_THAT(output_, testing::ContainsRegex("decoder +sandboxed by limits,.*seccomp"));
}

// Wherever the disk becomes full: a complete picture, or a sentence and no files left.
TEST_F(CommandLine, APictureThatCannotBeWrittenIsASentence) {
  const auto library = fs::path(ATELIER_PROGRAM).parent_path() / "libfaulty_disk.so";
  const auto temporary = home_ / "tmp";
  fs::create_directories(temporary);
  int refused = 0;
  for (std::int64_t space = 0;; space += 25'000) {
    std::ofstream(home_ / "space", std::ios::binary)
        .write(reinterpret_cast<const char*>(&space), sizeof space);
    const int status = run("generate 'x' -o out.png --steps 1 --alone",
                           "TMPDIR='" + temporary.string() + "' LD_PRELOAD='" + library.string() +
                               "' ATELIER_FAULTY_DISK='" + (home_ / "space").string() + "'");
    EXPECT_TRUE(fs::is_empty(temporary)) << space;
    if (status == 0) break;
    ++refused;
    EXPECT_EQ(status, 1) << output_;
    EXPECT_THAT(output_, testing::ContainsRegex("free some|No space left")) << space;
    EXPECT_FALSE(fs::exists(home_ / "out.png"));
    ASSERT_LT(space, 5 << 20);
  }
  EXPECT_GT(refused, 0);
  EXPECT_FALSE(pixels("out.png").empty());
}

TEST_F(CommandLine, FilesOfAKilledCommandAreRemovedByTheNextOne) {
  const auto temporary = (home_ / "tmp").string();
  fs::create_directories(temporary);
  const std::string begin = "'" ATELIER_PROGRAM "' generate x -o out.png --alone --steps ";
  const std::string command = "cd '" + home_.string() + "'; export TMPDIR='" + temporary +
                              "' ATELIER_HOME='" + home_.string() +
                              "' ATELIER_ENGINE=fake ATELIER_FAKE=step_ms=20; " + begin +
                              "900 & while ! ls tmp/*/atelier.db; do sleep 0.05; done; kill -9 $!";
  ASSERT_EQ(std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()), 0);
  EXPECT_FALSE(fs::is_empty(temporary));
  fs::create_directories(temporary + "/atelier-of-another-user");
  ASSERT_EQ(run("generate x -o out.png --alone --steps 1", "TMPDIR='" + temporary + "'"), 0);
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(temporary)) {
    left.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(left, testing::ElementsAre("atelier-of-another-user"));
}

}  // namespace
