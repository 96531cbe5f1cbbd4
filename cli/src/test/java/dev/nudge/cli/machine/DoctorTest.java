package dev.nudge.cli.machine;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.Main;
import dev.nudge.cli.Ran;
import dev.nudge.cli.console.CacheFolder;
import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.Results;
import dev.nudge.machine.SystemMemory;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
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
    Console console =
        new Console(new Results(out), new PrintStream(out), false, false, false, false);
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
  void theObjectHasAnEmptyCostWhereNothingIsMissing() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Console console =
        new Console(new Results(out), new PrintStream(out), true, false, false, false);
    Finding compute = Finding.ok("compute type", "fp32 alone");
    DoctorVerb.report(
        List.of(compute, Finding.missing("memory", "little", "slow")), compute, console);
    assertThat(out.toString(StandardCharsets.UTF_8))
        .isEqualTo(
            "{\"usable\":false,\"compute\":\"fp32\",\"checks\":[{\"name\":\"compute"
                + " type\",\"found\":\"fp32"
                + " alone\",\"state\":\"ok\",\"cost\":\"\"},{\"name\":\"memory\",\"found\":\"little\",\"state\":\"missing\",\"cost\":\"slow\"}]}\n");
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
    assertThat(new SystemMemory(folder).limitBytes()).isEmpty();
  }

  @Test
  void theCacheFolderIsWhereTheEnvironmentSays() {
    assertThat(CacheFolder.of(Map.of("NUDGE_CACHE", "/a", "XDG_CACHE_HOME", "/b")))
        .isEqualTo(Path.of("/a"));
    assertThat(CacheFolder.of(Map.of("XDG_CACHE_HOME", "/b"))).isEqualTo(Path.of("/b/nudge"));
    assertThat(CacheFolder.of(Map.of("NUDGE_CACHE", " "))).endsWith(Path.of(".cache/nudge"));
  }

  /// A machine on which everything is wrong at once: each thing is named with what it costs.
  @Test
  void eachMissingThingIsNamed() throws Exception {
    String classPath =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(jar -> !jar.matches(".*[/\\\\](dnnl|tokenizers)-[^/\\\\]*\\.jar"))
            .collect(joining(File.pathSeparator));
    Path file = Files.writeString(folder.resolve("file"), "");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:+UseParallelGC",
            "-cp",
            classPath,
            Main.class.getName(),
            "doctor");
    builder.environment().put("NUDGE_CACHE", file.toString());
    builder.environment().put("PATH", folder.toString());
    Process process = builder.redirectErrorStream(true).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(out).isEqualTo(1);
    assertThat(out)
        .containsPattern("costs +jvm flags .*\n +no --enable-native-access=ALL-UNNAMED: the JVM")
        .contains("; no -XX:+UseSerialGC: collector threads take time")
        .containsPattern("costs +build tools +no mvn, javac\n +no mvn on the PATH, install Maven")
        .containsPattern("costs +cache folder .*/file, not writable\n")
        .contains("set NUDGE_CACHE to a folder that can be written")
        .containsPattern("costs +matrix products plain Java\n +no oneDNN for .* on the class path")
        .containsPattern("costs +vector kernels .*\n +no --add-modules jdk.incubator.vector: ")
        .containsPattern("missing +tokenizers .*\n +no text can be read: ai.djl.huggingface:tok")
        .endsWith("nudge cannot train here\n");
  }

  private void write(String file, String text) throws IOException {
    Path path = folder.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }
}
