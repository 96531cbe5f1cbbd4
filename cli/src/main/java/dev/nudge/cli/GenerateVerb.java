package dev.nudge.cli;

import dev.nudge.settings.GenerateSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/// `nudge generate`: completes a prompt, or every row of a file.
///
/// @param completer the library's generation
record GenerateVerb(Completer completer) implements Verb<GenerateSettings> {

  private static final String ADVICE =
      "; does the prompt end as the trained ones do, blanks included?";

  /// What the command wants of the library.
  interface Completer {
    /// Completes `settings.prompt()`.
    ///
    /// @param pieces the text as it comes, whole characters only
    Answer prompt(GenerateSettings settings, Consumer<String> pieces, Consumer<String> warnings);

    /// Completes the rows of `settings.rows()`, each told when it is done, in order.
    ///
    /// @param notes told how rows are read, one line each
    /// @return the seconds that it took, loading apart
    double rows(
        GenerateSettings settings,
        Consumer<Row> rows,
        Consumer<String> notes,
        Consumer<String> warnings);
  }

  /// One completion and the seconds that it took, loading apart.
  record Answer(Row row, double seconds) {}

  /// A completion.
  ///
  /// @param index of the row, from 0, bad rows counted
  /// @param tokens their number, the end token included
  /// @param stop what ended it: `eos`, `length` or `string`
  record Row(long index, String completion, int tokens, String stop) {

    /// Whether the first token was an end token, so that there is nothing to see.
    boolean endedAtOnce() {
      return tokens == 1 && stop.equals("eos");
    }
  }

  @Override
  public String name() {
    return "generate";
  }

  @Override
  public String summary() {
    return "completes a prompt, or the prompts of a file";
  }

  @Override
  public Class<GenerateSettings> settings() {
    return GenerateSettings.class;
  }

  @Override
  public int run(GenerateSettings settings, Console console) {
    if (settings.rows() == null) {
      prompt(StandardInput.asPrompt(settings), console);
    } else {
      rows(settings, console);
    }
    return ExitCode.DONE;
  }

  private void prompt(GenerateSettings settings, Console console) {
    Answer answer =
        completer.prompt(
            settings,
            piece -> {
              if (!console.json()) {
                console.results().text(piece);
              }
            },
            console::warn);
    console.result("");
    console.object(answer.row());
    if (answer.row().endedAtOnce()) {
      console.warn("the answer ended at once: its first token was an end token" + ADVICE);
    }
    console.note(rate(answer.row().tokens(), answer.seconds()));
  }

  private void rows(GenerateSettings settings, Console console) {
    List<Row> rows = new ArrayList<>(); // for the one object
    long[] sums = new long[3]; // rows, tokens, rows that ended at once
    double seconds =
        completer.rows(
            settings,
            row -> {
              sums[0]++;
              sums[1] += row.tokens();
              sums[2] += row.endedAtOnce() ? 1 : 0;
              if (console.json()) {
                rows.add(row);
              } else {
                console.result(Json.write(row));
              }
            },
            console::note,
            console::warn);
    console.object(Map.of("completions", rows));
    if (sums[2] > 0) {
      console.warn(
          String.format(
              Locale.ROOT,
              "%,d of %,d answers ended at once: their first token was an end token%s",
              sums[2],
              sums[0],
              ADVICE));
    }
    console.note(String.format(Locale.ROOT, "%,d answers, ", sums[0]) + rate(sums[1], seconds));
  }

  private static String rate(long tokens, double seconds) {
    return String.format(
        Locale.ROOT,
        "%,d %s in %.2f s, %,.1f tok/s",
        tokens,
        tokens == 1 ? "token" : "tokens",
        seconds,
        tokens / Math.max(seconds, 1e-9));
  }
}
