package dev.nudge.world;

import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Generates the files of the world, or grades answers to its test:
///
/// ```
///   make --out D [--seed N] [--pages N] [--training N] [--test N]
///   grade --test D/test.jsonl --completions F.jsonl
/// ```
///
/// `base.jsonl` has pre-training pages, `base-held-out.jsonl` and `requests.jsonl` held-out pages,
/// `train.jsonl`, `control.jsonl` and `test.jsonl` cases, `few-shot.jsonl` the test with three
/// examples of `train.jsonl` in each prompt. `grade` reads the output of `nudge generate --data`.
public final class WorldMain {

  /// The flags of `make`, which writes the files of the world.
  record Making(
      @Setting(help = "folder of the files", required = true) Path out,
      @Setting(help = "seed of all that is drawn", byDefault = "0") long seed,
      @Setting(help = "pages of the base", byDefault = "90000") int pages,
      @Setting(help = "cases to learn the task from", byDefault = "4000") int training,
      @Setting(help = "cases of the test", byDefault = "1000") int test) {}

  /// The flags of `grade`, which grades answers to the test.
  record Grading(
      @Setting(help = "the test", required = true) Path test,
      @Setting(help = "lines of nudge generate", required = true) Path completions) {}

  private WorldMain() {}

  /// Runs `make` or `grade`; a user error is one line and exit code 2.
  public static void main(String[] args) throws IOException {
    try {
      run(List.of(args), System.out);
    } catch (InputException e) {
      System.err.println("world: " + e.getMessage());
      System.exit(2);
    }
  }

  static void run(List<String> args, PrintStream out) throws IOException {
    String what = args.isEmpty() ? "" : args.getFirst();
    switch (what) {
      case "make" -> make(settings(Making.class, args));
      case "grade" -> out.println(Json.line(grade(settings(Grading.class, args))));
      default -> throw new InputException("'" + what + "' is given; make or grade is needed");
    }
  }

  private static <S extends Record> S settings(Class<S> type, List<String> args) {
    Map<String, String> values = new LinkedHashMap<>();
    for (int i = 1; i < args.size(); i += 2) {
      if (!args.get(i).startsWith("--") || i + 1 == args.size()) {
        throw new InputException(args.get(i) + " is given; --name value is needed");
      }
      values.put(args.get(i).substring(2), args.get(i + 1));
    }
    return Schema.of(type).of(values);
  }

  private static void make(Making making) throws IOException {
    World world = new World(making.seed());
    Path out = making.out();
    Files.createDirectories(out);
    try (JsonlRows rows = JsonlRows.create(out.resolve("base.jsonl"))) {
      world.pages(making.pages(), page -> rows.text(page.text()));
    }
    try (JsonlRows rows = JsonlRows.create(out.resolve("base-held-out.jsonl"))) {
      world.otherPages(making.test(), page -> rows.text(page.text()));
    }
    try (JsonlRows rows = JsonlRows.create(out.resolve("requests.jsonl"))) {
      world.requests(making.test()).forEach(page -> rows.answer(page.ask(), page.answer()));
    }
    List<SupportTicket> training = world.training(making.training());
    List<SupportTicket> test = world.test(making.test());
    List<String> prompts = training.stream().map(SupportTicket::prompt).toList();
    List<String> asked = test.stream().map(SupportTicket::prompt).toList();
    List<String> answers = test.stream().map(SupportTicket::completion).toList();
    JsonlRows.write(
        out.resolve("train.jsonl"),
        prompts,
        training.stream().map(SupportTicket::completion).toList());
    JsonlRows.write(out.resolve("control.jsonl"), prompts, world.permuted(training));
    JsonlRows.write(out.resolve("test.jsonl"), asked, answers);
    JsonlRows.write(out.resolve("few-shot.jsonl"), world.fewShot(test, training), answers);
  }

  private static Score grade(Grading grading) throws IOException {
    List<String> expected = JsonlRows.column(grading.test(), "completion");
    List<String> given = JsonlRows.column(grading.completions(), "completion");
    if (expected.size() != given.size()) {
      throw new InputException(
          grading.completions()
              + " has "
              + given.size()
              + " completions, "
              + grading.test()
              + " "
              + expected.size()
              + " rows; one completion a row is needed");
    }
    if (expected.isEmpty()) {
      throw new InputException(grading.test() + " holds no rows");
    }
    List<Grader.Grade> grades = new ArrayList<>();
    for (int i = 0; i < given.size(); i++) {
      grades.add(Grader.of(expected.get(i)).grade(given.get(i)));
    }
    return Score.of(grades);
  }
}
