package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Goldens;
import dev.nudge.cli.console.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Goes the whole way from rows to answers in a process of its own and lists what is new: the
/// folders of `--out` and the cache hold all of it.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "environment of POSIX")
class NothingOutsideTest {
  private static final String SECRET = "xyzzy";

  @TempDir private Path temp;

  /// Runs one command after the other, the words of each apart by spaces.
  static final class All {
    private All() {}

    public static void main(String[] commands) {
      for (String command : commands) {
        int code = Main.run(command.split(" "), System.out, System.err);
        if (code != 0) {
          System.exit(code);
        }
      }
    }
  }

  private String child(List<String> commands) throws Exception {
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(List.of("--add-modules", "jdk.incubator.vector"));
    line.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC"));
    line.add("-Duser.home=" + temp.resolve("home"));
    line.add("-Djava.io.tmpdir=" + temp.resolve("tmp"));
    line.addAll(List.of("-cp", absolute(System.getProperty("java.class.path"))));
    line.add(All.class.getName());
    line.addAll(commands);
    ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true);
    builder.directory(temp.resolve("here").toFile());
    builder.environment().keySet().removeIf(k -> k.startsWith("XDG_") || k.startsWith("NUDGE_"));
    builder.environment().put("HOME", temp.resolve("home").toString());
    builder.environment().put("TMPDIR", temp.resolve("tmp").toString());
    builder.environment().put("NUDGE_CACHE", temp.resolve("cache").toString());
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return said;
  }

  private static String absolute(String path) {
    return List.of(path.split(java.io.File.pathSeparator)).stream()
        .map(entry -> Path.of(entry).toAbsolutePath().toString())
        .collect(Collectors.joining(java.io.File.pathSeparator));
  }

  private static Set<String> tops(Map<String, String> files) {
    return files.keySet().stream()
        .map(name -> name.split("/")[0])
        .filter(name -> !name.isEmpty())
        .collect(Collectors.toSet());
  }

  @Test
  void aRunFromRowsToAnswersWritesIntoItsFoldersOnly() throws Exception {
    for (String folder : List.of("home", "tmp", "here", "in")) {
      Files.createDirectory(temp.resolve(folder));
    }
    Place in = Place.in(temp.resolve("in"));
    Map<String, String> given = in.listing();
    String flags = " --model ../in/model --compute fp32 --threads 1";
    String rows = " --data ../in/rows.jsonl";
    String said =
        child(
            List.of(
                "train --out ../out/run --steps 3 --save-steps 1 --keep 2 --eval-data"
                    + " ../in/rows.jsonl"
                    + flags
                    + rows,
                "train --method full --out ../out/full --steps 2" + flags + rows,
                "merge --adapter ../out/run --out ../out/merged --threads 1 --model ../in/model",
                "quantize --model ../out/merged --out ../out/nf4 --method nf4",
                "export --model ../out/nf4 --type q8_0 --out ../out/gguf/model.gguf --threads 1",
                "score --adapter ../out/run" + flags + rows,
                "generate --prompt pump: --max-tokens 4 --model ../out/nf4 --compute fp32",
                "plan --model ../in/model"));
    assertThat(tops(new Place(temp).listing()))
        .containsOnly("home", "tmp", "here", "in", "out", "cache");
    for (String untouched : List.of("home", "here")) {
      assertThat(tops(new Place(temp.resolve(untouched)).listing())).as(untouched).isEmpty();
    }
    assertThat(tops(new Place(temp.resolve("tmp")).listing())).as("left in tmp").isEmpty();
    assertThat(in.listing()).isEqualTo(given);
    assertThat(tops(new Place(temp.resolve("out")).listing()))
        .containsOnly("run", "full", "merged", "nf4", "gguf");
    assertThat(said).contains("run        3 steps");
  }

  /// `nudge.json` lists the files of a merged folder: what it was made to list elsewhere stays.
  @Test
  void namesInAFolderThatIsReplacedStayInIt() throws IOException {
    Place place = Place.in(temp);
    assertThat(place.merge().code()).isZero();
    for (String mine : List.of("mine.txt", "elsewhere/mine.txt", "out/own/mine.txt")) {
      place.write(mine, "mine");
    }
    Files.createSymbolicLink(place.path("out/sub"), place.path("elsewhere"));
    String absolute = place.path("mine.txt").toString();
    place.edit(
        "out/nudge.json",
        "\"files\": [",
        "\"files\": [\"../mine.txt\", \"own/../../mine.txt\", \"%s\", \"sub/mine.txt\","
            .formatted(absolute));
    Ran again = place.merge("--overwrite");
    assertThat(again.code()).as(again.err()).isZero();
    for (String mine : List.of("mine.txt", "elsewhere/mine.txt", "out/own/mine.txt")) {
      assertThat(place.path(mine)).hasContent("mine");
    }
  }

  /// An adapter names its base and its tokenizer names itself: neither is a file to open.
  @Test
  void namesInAnAdapterAreNotOpened() throws IOException {
    Place place = Place.in(temp);
    place.copy(Goldens.ADAPTER, "adapter");
    Ran before = place.answer("score", "--adapter", "D/adapter", "--json");
    assertThat(before.code()).as(before.err()).isZero();
    String config = Files.readString(place.path("adapter/adapter_config.json"));
    place.write(
        "adapter/adapter_config.json",
        config.replaceAll(
            "(\"base_model_name_or_path\": )(\"[^\"]*\"|null)", "$1\"/proc/self/mem\""));
    assertThat(Files.readString(place.path("adapter/adapter_config.json"))).contains("/proc/self");
    assertThat(place.answer("score", "--adapter", "D/adapter", "--json").out())
        .isEqualTo(before.out());
  }

  @Test
  void whatRowsHoldIsNotTold() throws IOException {
    Place place = Place.in(temp);
    String[] bad = {
      "{\"prompt\": %s}",
      "%s",
      "{\"prompt\": {\"a\": \"%s\"}, \"completion\": \"b\"}",
      "{\"prompt\": \"%s\"}",
      "{\"prompt\": \"%s",
      "[\"%s\"]",
      "{\"prompt\": \"a\", \"completion\": '%s'}",
      "{\"prompt\": \"%s\", \"completion\": \"\"}",
      "{\"prompt\": \"\\ud800%s\", \"completion\": \"b\"}",
      "{\"prompt\": \"%s\", \"prompt\": \"%s\", \"completion\": \"b\"}",
      "{\"prompt\": \"%s\", \"completion\": 1e%s}",
      "{\"prompt\": \"a\", \"completion\": \"b\"} %s",
      "{\"messages\": [\"%s\"]}",
      "{\"text\": null, \"x\": \"%s\"}",
      "{\"prompt\": \"a\", \"completion\": \"\\%s\"}",
      "{\"prompt\": \"" + "%s ".repeat(200) + "\", \"completion\": \"b\"}"
    };
    StringBuilder rows = new StringBuilder("{\"prompt\": \"a\", \"completion\": \" b\"}\n");
    for (String row : bad) {
      rows.append(row.replace("%s", SECRET)).append('\n');
    }
    rows.append("{\"prompt\": \"a\", \"completion\": \" %s\"}\n".formatted(SECRET));
    place.write("rows.jsonl", rows.toString());
    Ran refused = place.train("--stack-trace");
    assertThat(refused.code()).isEqualTo(ExitCode.WRONG);
    assertThat(refused.err()).contains(bad.length + " of " + (bad.length + 2) + " rows are bad");
    assertThat(refused.err()).doesNotContain(SECRET);
    Ran made = place.train("--skip-bad-rows", "--json");
    assertThat(made.code()).as(made.err()).isZero();
    assertThat(made.err() + made.out()).doesNotContain(SECRET);
    for (String file : List.of("run.json", "metrics.jsonl", "nudge.json", "adapter_config.json")) {
      assertThat(place.path("out").resolve(file)).content().doesNotContain(SECRET);
    }
  }

  @Test
  void whatIsSecretInAUrlIsNotTold() throws IOException {
    Place place = Place.in(temp);
    for (String flag : List.of("--model", "--data", "--out", "--init-adapter", "--eval-data")) {
      Ran ran =
          place.train(
              flag, "http://user:%s@host/a?token=%s".formatted(SECRET, SECRET), "--stack-trace");
      assertThat(ran.err() + ran.out()).as(flag).doesNotContain(SECRET);
      assertThat(ran.code()).as(flag).isEqualTo(ExitCode.WRONG);
      assertThat(ran.err()).as(flag).contains("/***@host/a");
    }
  }
}
