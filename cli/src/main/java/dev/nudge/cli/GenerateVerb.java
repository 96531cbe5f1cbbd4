package dev.nudge.cli;

import dev.nudge.settings.GenerateSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// `nudge generate`: completes a prompt, or every row of a file.
///
/// @param completer the library's generation
record GenerateVerb(Completer completer) implements Verb<GenerateSettings> {

  /// What the command wants of the library.
  interface Completer {
    /// Completes `settings.prompt()`.
    ///
    /// @param pieces the text as it comes, whole characters only
    Row prompt(GenerateSettings settings, Consumer<String> pieces, Consumer<String> warnings);

    /// Completes the rows of `settings.rows()`, each told when it is done, in order.
    void rows(GenerateSettings settings, Consumer<Row> rows, Consumer<String> warnings);
  }

  /// A completion.
  ///
  /// @param index of the row, from 0, bad rows counted
  /// @param tokens their number, the end token included
  /// @param stop what ended it: `eos`, `length` or `string`
  record Row(long index, String completion, int tokens, String stop) {}

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
      Row row =
          completer.prompt(
              settings,
              piece -> {
                if (!console.json()) {
                  console.results().text(piece);
                }
              },
              console::warn);
      console.result("");
      console.object(row);
      return ExitCode.DONE;
    }
    List<Row> rows = new ArrayList<>();
    completer.rows(
        settings,
        row -> {
          if (console.json()) {
            rows.add(row);
          } else {
            console.result(Json.write(row));
          }
        },
        console::warn);
    console.object(Map.of("completions", rows));
    return ExitCode.DONE;
  }
}
