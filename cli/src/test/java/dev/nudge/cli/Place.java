package dev.nudge.cli;

import dev.nudge.Goldens;
import dev.nudge.cli.console.Verb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.stream.Stream;

/// A user's folder for a test: a tiny model of the goldens, rows, room for what is made.
///
/// In arguments and messages `D` stands for the folder: `--data D/rows.jsonl`.
public record Place(Path folder) {
  private static final String ROWS =
      """
      {"prompt": "the pump", "completion": " reads seven bar"}
      {"prompt": "the seal under pressure", "completion": " leaks"}
      {"prompt": "a", "completion": " valve"}
      """;

  /// Fills an empty folder: `model/`, `rows.jsonl`.
  public static Place in(Path folder) throws IOException {
    Place place = new Place(folder);
    place.copy(Goldens.MODEL, "model");
    place.write("rows.jsonl", ROWS);
    return place;
  }

  public Path path(String name) {
    return folder.resolve(name);
  }

  public Place write(String name, String text) throws IOException {
    Files.createDirectories(path(name).getParent());
    Files.writeString(path(name), text);
    return this;
  }

  /// Copies a folder of plain files.
  public Place copy(Path from, String name) throws IOException {
    Files.createDirectories(path(name));
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(
            file, path(name).resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    return this;
  }

  /// Changes text in a file that must hold it.
  public Place edit(String name, String from, String to) throws IOException {
    String text = Files.readString(path(name));
    if (!text.contains(from)) {
      throw new IllegalStateException(name + " holds no " + from);
    }
    return write(name, text.replace(from, to));
  }

  /// Runs the command; the message is given back with `D` for the folder.
  public Ran run(String... args) {
    return shown(Ran.of(inFull(args)));
  }

  /// The same with verbs of a test.
  public Ran run(List<Verb<?>> verbs, String... args) {
    return shown(Ran.of(verbs, inFull(args)));
  }

  private Ran shown(Ran ran) {
    warmUpsEnded();
    String here = folder.toString();
    return new Ran(ran.code(), ran.out(), ran.err().replace(here, "D"));
  }

  /// Waits for what warms up in the background, which a run only tells to end: its bytes are in the
  /// ledger until then.
  private static void warmUpsEnded() {
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().equals("warm-up")) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
    }
  }

  /// Runs `train` on the folder's model and rows, on one thread in fp32, unless the flags say
  /// other.
  public Ran train(String... flags) {
    Map<String, String> defaults = new LinkedHashMap<>();
    defaults.put("--model", "D/model");
    defaults.put("--data", "D/rows.jsonl");
    defaults.put("--out", "D/out");
    defaults.put("--compute", "fp32");
    defaults.put("--threads", "1");
    return run(with("train", defaults, flags));
  }

  /// Runs `score` or `generate` likewise.
  public Ran answer(String verb, String... flags) {
    Map<String, String> defaults = new LinkedHashMap<>();
    defaults.put("--model", "D/model");
    if (!List.of(flags).contains("--prompt")) {
      defaults.put("--data", "D/rows.jsonl");
    }
    defaults.put("--compute", "fp32");
    defaults.put("--threads", "1");
    return run(with(verb, defaults, flags));
  }

  /// Runs `init` with the config of the folder's model.
  Ran init(String... flags) {
    Map<String, String> defaults = new LinkedHashMap<>();
    defaults.put("--config", "D/model/config.json");
    defaults.put("--out", "D/out");
    return run(with("init", defaults, flags));
  }

  /// Runs `merge` likewise, with the adapter of `D/adapter`, which is copied there.
  public Ran merge(String... flags) throws IOException {
    if (Files.notExists(path("adapter"))) {
      copy(Goldens.ADAPTER, "adapter");
    }
    Map<String, String> defaults = new LinkedHashMap<>();
    defaults.put("--model", "D/model");
    defaults.put("--adapter", "D/adapter");
    defaults.put("--out", "D/out");
    defaults.put("--threads", "1");
    return run(with("merge", defaults, flags));
  }

  /// Runs `release` likewise on `D/rows.jsonl`, without notes.
  Ran release(String... flags) {
    Map<String, String> defaults = new LinkedHashMap<>();
    defaults.put("--model", "D/model");
    defaults.put("--adapter", "D/adapter");
    defaults.put("--data", "D/rows.jsonl");
    defaults.put("--out", "D/out");
    defaults.put("--threads", "1");
    List<String> line = new ArrayList<>(List.of(with("release", defaults, flags)));
    line.add("-q");
    return run(line.toArray(String[]::new));
  }

  /// Runs `export` likewise.
  Ran export(String... flags) {
    Map<String, String> defaults = new LinkedHashMap<>();
    defaults.put("--model", "D/model");
    defaults.put("--out", "D/new.gguf");
    return run(with("export", defaults, flags));
  }

  /// Runs `eval` likewise on a task of two choices, `D/tasks/quiz.yaml`.
  Ran evaluate(String... flags) {
    Map<String, String> defaults = new LinkedHashMap<>();
    defaults.put("--model", "D/model");
    defaults.put("--tasks", "quiz");
    defaults.put("--tasks-dir", "D/tasks");
    defaults.put("--data-dir", "D/data");
    defaults.put("--out", "D/out");
    defaults.put("--compute", "fp32");
    defaults.put("--threads", "1");
    return run(with("eval", defaults, flags));
  }

  /// Writes that task and its documents.
  Place quiz() throws IOException {
    write(
        "tasks/quiz.yaml",
        """
        task: quiz
        dataset_path: acme/quiz
        test_split: test
        output_type: multiple_choice
        doc_to_text: "{{q}}"
        doc_to_choice: ["pump", "the valve"]
        doc_to_target: label
        metric_list: [{metric: acc}]
        """);
    return write(
        "data/acme/quiz/test.jsonl",
        "{\"q\": \"the pump\", \"label\": 0}\n{\"q\": \"the seal\", \"label\": 1}\n");
  }

  private static String[] with(String verb, Map<String, String> defaults, String... flags) {
    List<String> line = new ArrayList<>(List.of(verb));
    defaults.forEach(
        (flag, value) -> {
          if (!List.of(flags).contains(flag)) {
            line.addAll(List.of(flag, value));
          }
        });
    line.addAll(Arrays.asList(flags));
    return line.toArray(String[]::new);
  }

  private String[] inFull(String... arguments) {
    return Stream.of(arguments).map(this::full).toArray(String[]::new);
  }

  private String full(String argument) {
    return argument.replaceFirst("^(|[a-z]+=)D/", "$1" + Matcher.quoteReplacement(folder + "/"));
  }

  /// Every file and folder with its bytes, to see whether anything was written.
  Map<String, String> listing() throws IOException {
    Map<String, String> all = new TreeMap<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.toList()) {
        String content =
            Files.isRegularFile(file)
                ? Files.size(file) + " bytes, " + Arrays.hashCode(Files.readAllBytes(file))
                : "folder";
        all.put(folder.relativize(file).toString(), content);
      }
    }
    return all;
  }
}
