package dev.nudge.bench.measure;

import dev.nudge.format.Json;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// Writes a comparison's rows, prompt and completion, into one file for both sides.
public final class EqualRows {
  private EqualRows() {}

  /// Writes rows of exactly `length` tokens, end token included, all trained: an empty prompt and a
  /// piece of real text.
  ///
  /// A piece must tokenise to the same number of tokens again; otherwise the piece starts one token
  /// later.
  public static void flat(
      Path source, String column, Tokenizer tokenizer, int length, int rows, Path out) {
    int[] ids = new int[rows * length * 2 + length];
    int have = 0;
    for (JsonNode row : read(source)) {
      int[] more = tokenizer.ids(row.path(column).asString("") + "\n");
      int n = Math.min(more.length, ids.length - have);
      System.arraycopy(more, 0, ids, have, n);
      have += n;
      if (have == ids.length) {
        break;
      }
    }
    List<String> lines = new ArrayList<>();
    for (int at = 0; lines.size() < rows && at + length - 1 <= have; ) {
      String text = tokenizer.decode(Arrays.copyOfRange(ids, at, at + length - 1), false);
      if (tokenizer.ids(text).length == length - 1) {
        lines.add(line("", text));
        at += length;
      } else {
        at++;
      }
    }
    if (lines.size() < rows) {
      throw new IllegalStateException(
          source + " gives " + lines.size() + " rows of " + length + " tokens, wanted " + rows);
    }
    write(out, lines);
  }

  /// Writes rows of `medical-medquad`: a question as prompt, its truncated answer as completion.
  public static void questions(Path source, int characters, int rows, Path out) {
    List<String> lines = new ArrayList<>();
    for (JsonNode row : read(source)) {
      String answer = row.path("answer").asString("");
      int end =
          answer.offsetByCodePoints(
              0, Math.min(characters, answer.codePointCount(0, answer.length())));
      lines.add(line(row.path("question").asString("") + "\n", answer.substring(0, end)));
      if (lines.size() == rows) {
        break;
      }
    }
    write(out, lines);
  }

  /// Writes rows of `finance-banking77`: a message as prompt, its intent as completion.
  public static void banking(Path source, int rows, Path out) {
    List<String> lines = new ArrayList<>();
    for (JsonNode row : read(source)) {
      lines.add(
          line(
              "Query: " + row.path("text").asString("") + "\nIntent:",
              " " + row.path("label").asString("")));
    }
    // adjacent rows share an intent: every 97th row mixes intents in a step
    List<String> mixed = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      mixed.add(lines.get((int) (i * 97L % lines.size())));
    }
    write(out, mixed);
  }

  /// Returns the ratio of computed to real tokens, each row padded to the longest of its step: the
  /// mean over the steps after the first.
  public static double padding(Path rows, Tokenizer tokenizer, int batch, int steps) {
    List<Integer> lengths = new ArrayList<>();
    for (JsonNode row : read(rows)) {
      String text = row.path("prompt").asString("") + row.path("completion").asString("");
      lengths.add(tokenizer.ids(text).length + 1);
    }
    return padding(lengths, batch, steps);
  }

  static double padding(List<Integer> lengths, int batch, int steps) {
    double computed = 0;
    double real = 0;
    for (int step = 1; step < steps; step++) {
      List<Integer> rows = lengths.subList(step * batch, (step + 1) * batch);
      computed += batch * rows.stream().mapToInt(Integer::intValue).max().orElse(0);
      real += rows.stream().mapToInt(Integer::intValue).sum();
    }
    return computed / real;
  }

  private static String line(String prompt, String completion) {
    Map<String, String> row = new LinkedHashMap<>();
    row.put("prompt", prompt);
    row.put("completion", completion);
    return Json.line(row);
  }

  private static Iterable<JsonNode> read(Path source) {
    return lines(source).stream().map(Json::parse)::iterator;
  }

  /// The rows of a data set's file.
  public static List<String> lines(Path source) {
    try {
      return Files.readAllLines(source).stream().filter(line -> !line.isBlank()).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(
          source + " cannot be read; --data names the folder of the data sets", e);
    }
  }

  /// Writes rows into a file; creates its folder.
  public static void write(Path out, List<String> lines) {
    try {
      Files.createDirectories(out.toAbsolutePath().getParent());
      Files.write(out, lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
