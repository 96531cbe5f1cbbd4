package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.machine.InstallVerb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Hold `install` to its words: a link where it was asked for, and nobody else's file touched.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "install makes links, and says so there")
class InstallTest {
  @TempDir Path folder;
  private Path launcher;
  private Path bin;

  @BeforeEach
  void aRepositoryAndAHome() throws IOException {
    launcher = repository("repo");
    bin = folder.resolve("home/.local/bin");
  }

  @Test
  void theLinkIsMadeInTheHomeFolderAndThePathIsLookedAt() throws IOException {
    Ran ran = install(Map.of("PATH", "/usr/bin"));
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(Files.readSymbolicLink(bin.resolve("nudge"))).isEqualTo(launcher);
    assertThat(ran.out()).isEmpty();
    assertThat(ran.err())
        .startsWith(bin + "/nudge leads to " + launcher + "\n")
        .contains("nudge: warning: " + bin + " is not on the PATH; add it where")
        .contains("export PATH=\"" + bin + ":$PATH\"");
    assertThat(install(Map.of("PATH", "/usr/bin:" + bin)).err())
        .startsWith(bin + "/nudge leads to " + launcher + " already\n")
        .doesNotContain("warning");
    try (var left = Files.list(bin)) {
      assertThat(left).containsExactly(bin.resolve("nudge"));
    }
  }

  @Test
  void anotherCommandThatComesFirstIsNamed() throws IOException {
    Path other = Files.createDirectories(folder.resolve("first")).resolve("nudge");
    Files.writeString(other, "#!/bin/sh\n");
    assertThat(other.toFile().setExecutable(true)).isTrue();
    assertThat(install(Map.of("PATH", other.getParent() + ":" + bin)).err())
        .contains("warning: " + other + " comes first on the PATH");
  }

  @Test
  void jsonSaysWhatTheLinkIs() {
    Path tools = folder.resolve("tools");
    String path = tools.toString();
    assertThat(install(Map.of("PATH", path), "--dir", path, "--json", "-q"))
        .isEqualTo(
            new Ran(
                0,
                "{\"link\":\"%s/nudge\",\"to\":\"%s\",\"before\":null,\"on_path\":true}\n"
                    .formatted(tools, launcher),
                ""));
  }

  @Test
  void aLinkToAnotherOrAGoneRepositoryIsReplaced() throws IOException {
    Path link = Files.createDirectories(bin).resolve("nudge");
    Path other = repository("other");
    for (Path old : List.of(other, folder.resolve("gone/nudge"))) {
      Files.createSymbolicLink(link, old);
      assertThat(install(Map.of()).err())
          .contains(" leads to " + launcher + ", no longer to " + old);
      assertThat(Files.readSymbolicLink(link)).isEqualTo(launcher);
      Files.delete(link);
    }
  }

  @Test
  void whatIsNotOursStays() throws IOException {
    Path link = Files.createDirectories(bin).resolve("nudge");
    for (String kind : List.of("file", "folder", "link", "dangling link")) {
      switch (kind) {
        case "file" -> Files.writeString(link, "theirs");
        case "folder" -> Files.createDirectory(link);
        case "link" -> Files.createSymbolicLink(link, Path.of("/bin/sh"));
        default -> Files.createSymbolicLink(link, folder.resolve("gone/other"));
      }
      for (String flag : List.of("--dir=" + bin, "--remove")) {
        Ran ran = install(Map.of(), flag);
        assertThat(ran)
            .as(kind)
            .isEqualTo(
                new Ran(
                    2,
                    "",
                    "nudge: "
                        + link
                        + " is not a link to nudge and stays as it is; give another folder with"
                        + " --dir\n"));
      }
      Files.delete(link); // it is still there, of whatever kind
    }
  }

  @Test
  void theLinkIsRemovedOnce() throws IOException {
    install(Map.of());
    assertThat(install(Map.of(), "--remove"))
        .isEqualTo(new Ran(0, "", bin + "/nudge is removed; it led to " + launcher + "\n"));
    assertThat(bin.resolve("nudge")).doesNotExist();
    assertThat(launcher).exists();
    assertThat(install(Map.of(), "--remove").err())
        .isEqualTo("there is no " + bin + "/nudge; nothing to remove\n");
  }

  @Test
  void aFolderThatCannotBeIsOneLine() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    assertThat(install(Map.of(), "--dir", file + "/bin"))
        .isEqualTo(
            new Ran(2, "", "nudge: --dir is " + file + "/bin, but " + file + " is not a folder\n"));
    assertThat(install(Map.of(), "--dir", "/proc/nothing"))
        .isEqualTo(
            new Ran(
                2,
                "",
                "nudge: --dir is /proc/nothing, which cannot be written; give another folder\n"));
  }

  @Test
  void aProcessWithoutALauncherIsTold() {
    assertThat(Ran.of(List.of(new InstallVerb(Map.of("HOME", "/x"), null)), "install").err())
        .isEqualTo("nudge: this process was not started by ./nudge; run ./nudge install\n");
  }

  @Test
  void aModuleIsRemovedWhereItIsAndToldWhereItIsNot() throws IOException {
    Path target = folder.resolve("repo/duckdb/target/launcher");
    Files.createDirectories(target.resolve("lib"));
    Files.writeString(target.resolve("lib/other.jar"), "");
    Files.writeString(target.resolve("nudge-duckdb.jar"), "");
    assertThat(install(Map.of(), "duckdb", "--remove", "--json"))
        .isEqualTo(
            new Ran(0, "{\"module\":\"duckdb\",\"installed\":false}\n", "DuckDB is removed\n"));
    assertThat(target).isEmptyDirectory();
    assertThat(install(Map.of(), "duckdb", "--remove").err())
        .isEqualTo("DuckDB is not installed; nothing to remove\n");
    assertThat(bin).doesNotExist();
  }

  @Test
  void aModuleThatCannotBeInstalledIsOneLine() {
    assertThat(install(Map.of(), "duckdb").err())
        .endsWith(
            "nudge: "
                + folder.resolve("repo")
                + " holds no source of the module; install from a clone\n");
    assertThat(install(Map.of(), "duckdb", "--dir", "x").err())
        .isEqualTo("nudge: --dir is of the link; a module lies in the repository\n");
    assertThat(install(Map.of(), "duck").err())
        .isEqualTo("nudge: MODULE is 'duck'; supported: duckdb\n");
    assertThat(
            Ran.of(List.of(new InstallVerb(Map.of("HOME", "/x"), null)), "install", "duckdb").err())
        .isEqualTo("nudge: this process was not started by ./nudge; run ./nudge install duckdb\n");
  }

  private Ran install(Map<String, String> environment, String... flags) {
    Map<String, String> all = new TreeMap<>(environment);
    all.put("HOME", folder.resolve("home").toString());
    String[] line = new String[flags.length + 1];
    line[0] = "install";
    System.arraycopy(flags, 0, line, 1, flags.length);
    return Ran.of(List.of(new InstallVerb(all, launcher.toString())), line);
  }

  private Path repository(String name) throws IOException {
    Path there = folder.resolve(name);
    Files.createDirectories(there.resolve("cli"));
    Files.writeString(there.resolve("cli/pom.xml"), "");
    return Files.writeString(there.resolve("nudge"), "#!/bin/sh\n");
  }
}
