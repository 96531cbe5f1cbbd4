package dev.nudge.bench.measure;

import dev.nudge.format.Json;
import dev.nudge.format.RunFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// Builds this repository's command lines and reads the files of its runs.
public final class NudgeCommand {
  private NudgeCommand() {}

  /// Returns this checkout's launcher, or `NUDGE_COMMAND`, to try a benchmark out.
  public static String program() {
    String other = System.getenv("NUDGE_COMMAND");
    return other != null ? other : Machines.home().resolve("nudge").toString();
  }

  /// A command line.
  public static List<String> command(String verb, List<String> flags) {
    List<String> command = new ArrayList<>();
    command.add(program());
    command.add(verb);
    command.addAll(flags);
    return command;
  }

  /// Returns the command line of a training run, which overwrites `out`.
  public static List<String> train(Path model, Path rows, Path out, List<String> more) {
    List<String> flags = new ArrayList<>();
    flags.addAll(List.of("--model", model.toString(), "--data", rows.toString()));
    flags.addAll(List.of("--out", out.toString(), "--overwrite"));
    flags.addAll(more);
    return command("train", flags);
  }

  /// Returns the step lines of `metrics.jsonl`.
  public static List<JsonNode> steps(Path out) {
    try {
      return Files.readAllLines(out.resolve(RunFiles.METRICS)).stream()
          .map(Json::parse)
          .filter(line -> line.has("loss"))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Reads the `run.json` of a run.
  public static JsonNode record(Path out) {
    try {
      return Json.parse(Files.readString(out.resolve(RunFiles.RUN)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
