#include "runtime/cpu/AvailableCpus.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

using lathe::runtime::cgroupQuota;

namespace {

class CgroupQuota : public testing::Test {
protected:
  void SetUp() override { std::filesystem::remove_all(root); }
  void put(const std::string &path, const std::string &text) {
    std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  }
  std::string root = testing::TempDir() + "lathe-cgroup-" + std::to_string(getpid());
};

TEST_F(CgroupQuota, NoFiles) { EXPECT_EQ(cgroupQuota("0::/a\n", root), 0); }

TEST_F(CgroupQuota, Unlimited) {
  put("/a/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroupQuota("0::/a\n", root), 0);
}

TEST_F(CgroupQuota, OwnFolder) {
  put("/a/cpu.max", "150000 100000\n");
  EXPECT_EQ(cgroupQuota("0::/a\n", root), 1.5);
}

TEST_F(CgroupQuota, AncestorIsTighter) {
  put("/a/cpu.max", "200000 100000\n");
  put("/a/b/cpu.max", "400000 100000\n");
  EXPECT_EQ(cgroupQuota("0::/a/b\n", root), 2);
}

TEST_F(CgroupQuota, InsideANamespaceTheRootHasTheQuota) {
  put("/cpu.max", "300000 100000\n");
  EXPECT_EQ(cgroupQuota("0::/\n", root), 3);
}

TEST_F(CgroupQuota, VersionOne) {
  put("/cpu/job/cpu.cfs_quota_us", "250000\n");
  put("/cpu/job/cpu.cfs_period_us", "100000\n");
  put("/cpu/cpu.cfs_quota_us", "-1\n");
  put("/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroupQuota("5:cpu,cpuacct:/job\n4:memory:/job\n", root), 2.5);
}

TEST(AvailableCpus, AtLeastOne) { EXPECT_GE(lathe::runtime::availableCpus(), 1); }

} // namespace
