package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The golden file of mistakes: what is given, the exit code and the lines that are printed.
///
/// Blocks of lines stand between blank lines. `== NAME` begins a group, `#` a comment; the others
/// are mistakes: input, then exit code and lines, indented by 4. With `NUDGE_WRITE` in the
/// environment, [#write] replaces codes and lines by those of this run.
final class MistakeFile {
  private static final Path FILE = Path.of("src/test/resources/bad-input.txt");
  private static final Pattern BLOCK = Pattern.compile("((?:\\S.*\n)+)((?: {4}.*\n)*)\n?");
  private static final boolean WRITES = System.getenv("NUDGE_WRITE") != null;

  private final StringBuilder comment = new StringBuilder();
  private final Map<String, Map<String, String>> groups = new LinkedHashMap<>();
  private final Set<String> seen = new HashSet<>();

  /// Reads the file.
  MistakeFile() {
    String text;
    try {
      text = Files.readString(FILE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Matcher block = BLOCK.matcher(text);
    assertThat(block.replaceAll("")).as(FILE + ": no such blocks").isEmpty();
    Map<String, String> group = new LinkedHashMap<>();
    for (block.reset(); block.find(); ) {
      String input = block.group(1).strip();
      if (input.startsWith("#")) {
        comment.append(block.group(1));
      } else if (input.startsWith("== ")) {
        group = groups.computeIfAbsent(input.substring(3), n -> new LinkedHashMap<>());
      } else {
        String before = group.put(input, block.group(2).replaceAll("(?m)^ {4}", "").strip());
        assertThat(before).as("%s: twice: %s", FILE, input).isNull();
      }
    }
  }

  /// Inputs of a group in order.
  ///
  /// @param made those in brackets, of which the file has each and no other
  List<String> inputs(String name, List<String> made) {
    Map<String, String> group = groups.computeIfAbsent(name, n -> new LinkedHashMap<>());
    if (WRITES) {
      group.keySet().removeIf(input -> input.startsWith("[") && !made.contains(input));
      made.forEach(input -> group.putIfAbsent(input, ""));
    }
    assertThat(group.keySet().stream().filter(input -> input.startsWith("[")))
        .as("%s; %s", name, how())
        .containsExactlyInAnyOrderElementsOf(made);
    return List.copyOf(group.keySet());
  }

  /// Holds a command's exit code and lines against the file.
  void check(String name, String input, int code, String lines) {
    String said = "exit " + code + "\n" + lines;
    Map<String, String> group = groups.computeIfAbsent(name, n -> new LinkedHashMap<>());
    if (WRITES && seen.add(name + "\n" + input)) {
      group.put(input, said);
    }
    assertThat(said).as("%s: %s; %s", name, input, how()).isEqualTo(group.get(input));
  }

  /// Writes the file anew, where the environment asks for it.
  void write() {
    if (!WRITES) {
      return;
    }
    StringBuilder text = new StringBuilder(comment);
    groups.forEach(
        (name, group) -> {
          text.append("\n== ").append(name).append('\n');
          group.forEach(
              (input, said) -> text.append('\n').append(input).append('\n').append(indented(said)));
        });
    try {
      Files.writeString(FILE, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String indented(String said) {
    return said.lines().map(line -> "    " + line + "\n").collect(Collectors.joining());
  }

  private static String how() {
    return "if that is better now, NUDGE_WRITE=1 in the environment writes cli/"
        + FILE
        + " anew; read its diff";
  }
}
