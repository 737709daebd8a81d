#include "formats/callgrind/python_names.h"

#include <gtest/gtest.h>

namespace tracebraid::formats::callgrind {
namespace {

TEST(Names, TailIsWhatTellsFilesApart) {
  EXPECT_EQ(path_tail("/usr/lib/python3/dist-packages/eventlet/wsgi.py"), "eventlet/wsgi.py");
  EXPECT_EQ(path_tail("/v/lib/python3.11/site-packages/a/b/c.py"), "a/b/c.py");
  EXPECT_EQ(path_tail("/usr/lib/python3.11/json/decoder.py"), "json/decoder.py");
  EXPECT_EQ(path_tail("/opt/python3.13t/lib/python3.13t/ast.py"), "ast.py");
  EXPECT_EQ(path_tail("C:\\Python311\\Lib\\json\\decoder.py"), "json\\decoder.py");
  EXPECT_EQ(path_tail("/home/a/src/shop/api/views.py"), "shop/api/views.py");
  EXPECT_EQ(path_tail("server.py"), "server.py");
  EXPECT_EQ(path_tail("/server.py"), "/server.py");
  EXPECT_EQ(path_tail("<frozen importlib._bootstrap>"), "<frozen importlib._bootstrap>");
  EXPECT_EQ(path_tail("/x/site-packages"), "/x/site-packages");
  EXPECT_EQ(path_tail(""), "");
}

TEST(Names, LibrariesHaveAPathOfTheirOwn) {
  EXPECT_EQ(library_path("/v/lib/python3.11/site-packages/a/b/c.py"), "a/b/c.py");
  EXPECT_EQ(library_path("/usr/lib/python3.11/ast.py"), "ast.py");
  EXPECT_EQ(library_path("/home/a/src/shop/api/views.py"), "");
  EXPECT_EQ(library_path("<string>"), "");
}

TEST(Names, PackageGroupsFiles) {
  EXPECT_EQ(package_of("~"), "builtins");
  EXPECT_EQ(package_of(""), "builtins");
  EXPECT_EQ(package_of("<frozen importlib._bootstrap>"), "stdlib");
  EXPECT_EQ(package_of("<string>"), "generated");
  EXPECT_EQ(package_of("/usr/lib/python3/dist-packages/eventlet/hubs/hub.py"), "eventlet");
  EXPECT_EQ(package_of("/usr/lib/python3/dist-packages/six.py"), "six");
  EXPECT_EQ(package_of("/usr/lib/python3.11/threading.py"), "stdlib");
  EXPECT_EQ(package_of("/srv/shop/server.py"), "shop");
  EXPECT_EQ(package_of("shop/views.py"), "shop");
  EXPECT_EQ(package_of("server.py"), "server");
  EXPECT_EQ(package_of("/server.py"), "other");
}

TEST(Names, NothingInANameCanEndALine) {
  const auto name = [](std::string_view text) {
    std::string out;
    append_name(out, text);
    return out;
  };
  EXPECT_EQ(name("x\nfn=(1) evil"), "x\\x0afn=(1) evil");
  EXPECT_EQ(name("tab\tcr\rnul" + std::string(1, '\0')), "tab\\x09cr\\x0dnul\\x00");
  EXPECT_EQ(name("\xE2\x80\xA8"), "\\u2028");
  EXPECT_EQ(name("\xC2\x85"), "\\x85");
  EXPECT_EQ(name("caf\xED\xB3\xA9"), "caf\\udce9");  // a lone surrogate, as Python writes it
  EXPECT_EQ(name("bad\xFF\xC0\xAF"), "bad\\xff\\xc0\\xaf");
  EXPECT_EQ(name("\xD0\x9A\xD0\xBB\xF0\x9F\x90\x8D"), "\xD0\x9A\xD0\xBB\xF0\x9F\x90\x8D");
  EXPECT_EQ(name("C:\\temp\\x.py"), "C:\\temp\\x.py");
  EXPECT_EQ(name(" a b "), "\\x20a b\\x20");
  EXPECT_EQ(name(" "), "\\x20");
  EXPECT_EQ(name(""), "<unnamed>");
}

}  // namespace
}  // namespace tracebraid::formats::callgrind
