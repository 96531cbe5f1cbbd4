package dev.nudge.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The least limit of all control groups that this process is in counts.
class SystemMemoryTest {
  @TempDir private Path root;

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(root.resolve(file.substring(0, file.lastIndexOf('/'))));
    Files.writeString(path, text + "\n");
  }

  private void limitIs(long bytes) {
    assertThat(new SystemMemory(root).limitBytes()).hasValue(bytes);
  }

  @Test
  void aGroupOfVersion2AndThoseAboveIt() throws IOException {
    assertThat(new SystemMemory(root).limitBytes()).isEmpty();
    write("proc/self/cgroup", "0::/system.slice/job.scope");
    write("sys/fs/cgroup/system.slice/job.scope/memory.max", "max");
    assertThat(new SystemMemory(root).limitBytes()).isEmpty();
    write("sys/fs/cgroup/system.slice/memory.max", "4000");
    limitIs(4000);
    write("sys/fs/cgroup/system.slice/job.scope/memory.max", "3000");
    limitIs(3000);
    write("sys/fs/cgroup/memory.max", "2000");
    limitIs(2000);
  }

  @Test
  void aGroupOfVersion1AndThoseAboveIt() throws IOException {
    write("proc/self/cgroup", "9:cpu,cpuacct:/a\n4:memory,hugetlb:/slurm/job\n0::/");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
    write("sys/fs/cgroup/memory/slurm/job/memory.limit_in_bytes", "5000");
    write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1");
    limitIs(5000);
  }

  @Test
  void whatAnotherProcessOfAGroupHoldsIsNotLeft() throws IOException {
    assertThat(new SystemMemory(root).leftBytes()).isEmpty();
    write("proc/self/cgroup", "0::/job");
    write("sys/fs/cgroup/job/memory.max", "9000");
    assertThat(new SystemMemory(root).leftBytes()).hasValue(9000);
    write("sys/fs/cgroup/job/memory.current", "7000");
    assertThat(new SystemMemory(root).leftBytes()).hasValue(2000);
    write("sys/fs/cgroup/job/memory.stat", "anon 4000\ninactive_file 2000\nactive_file 1000");
    assertThat(new SystemMemory(root).leftBytes()).hasValue(5000);
    write("sys/fs/cgroup/memory.max", "4500");
    assertThat(new SystemMemory(root).leftBytes()).hasValue(4500);
    write("sys/fs/cgroup/memory.current", "4600");
    assertThat(new SystemMemory(root).leftBytes()).hasValue(0);
  }

  @Test
  void theSameInAGroupOfVersion1() throws IOException {
    write("proc/self/cgroup", "4:memory:/slurm/job");
    write("sys/fs/cgroup/memory/slurm/job/memory.limit_in_bytes", "5000");
    write("sys/fs/cgroup/memory/slurm/job/memory.usage_in_bytes", "3000");
    write(
        "sys/fs/cgroup/memory/slurm/job/memory.stat",
        "active_file 9\ntotal_inactive_file 400\ntotal_active_file 100");
    assertThat(new SystemMemory(root).leftBytes()).hasValue(2500);
  }

  @Test
  void whatIsNoGroupIsPassedOver() throws IOException {
    write("proc/self/cgroup", "nonsense\n0::relative\n4:memory:/../outside");
    assertThat(new SystemMemory(root).limitBytes()).isEmpty();
  }
}
