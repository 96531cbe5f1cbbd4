package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorTest {
  @TempDir Path folder;

  @Test
  void thisMachineIsLookedAt() {
    Ran ran = Ran.of("doctor");
    assertThat(ran.code()).as(ran.out() + ran.err()).isZero();
    assertThat(ran.out())
        .contains("java")
        .contains("matrix products")
        .contains("compute type")
        .endsWith("nudge can train here\n");
    Ran json = Ran.of("doctor", "--json");
    assertThat(json.out()).startsWith("{\"usable\":true,\"compute\":\"").hasLineCount(1);
    assertThat(json.err()).isEmpty();
  }

  @Test
  void whatIsMissingIsSaidWithItsCostAndTheExitCode() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Console console = new Console(new Results(out), new PrintStream(out), false, false, false);
    Finding compute = Finding.ok("compute type", "fp32 (…)");
    int code =
        DoctorVerb.report(
            List.of(compute, Finding.missing("tokenizers", "does not load", "no text")),
            compute,
            console);
    assertThat(code).isEqualTo(1);
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("missing tokenizers      does not load\n")
        .contains("                        no text\n")
        .endsWith("nudge cannot train here\n");
  }

  @Test
  void processorAndContainerAreReadWhereTheyAreTold() throws IOException {
    write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Thing 9000\nflags\t\t: fpu sse2\n");
    write("sys/fs/cgroup/memory.max", "1073741824\n");
    Hardware hardware = new Hardware(folder);
    assertThat(hardware.processor().found()).contains("Thing 9000");
    assertThat(hardware.memory().found()).contains("container limit 1.0 GB");
    assertThat(hardware.memory().state()).isEqualTo(Finding.State.COSTS);
    write("sys/fs/cgroup/memory.max", "max\n");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    assertThat(hardware.containerLimit()).isEmpty();
  }

  @Test
  void theCacheFolderIsWhereTheEnvironmentSays() {
    assertThat(CacheFolder.of(Map.of("NUDGE_CACHE", "/a", "XDG_CACHE_HOME", "/b")))
        .isEqualTo(Path.of("/a"));
    assertThat(CacheFolder.of(Map.of("XDG_CACHE_HOME", "/b"))).isEqualTo(Path.of("/b/nudge"));
    assertThat(CacheFolder.of(Map.of("NUDGE_CACHE", " "))).endsWith(Path.of(".cache/nudge"));
  }

  private void write(String file, String text) throws IOException {
    Path path = folder.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }
}
