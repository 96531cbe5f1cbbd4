package dev.nudge.cli.ask;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.StandardInput;
import dev.nudge.cli.console.Verb;
import dev.nudge.format.Json;
import dev.nudge.generate.Completion;
import dev.nudge.generate.Completions;
import dev.nudge.generate.Embeddings;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.GenerateSettings;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/// `nudge generate`: completes a prompt, or every row of a file.
///
/// @param completer runs generation
/// @param embedder computes embeddings
public record GenerateVerb(Completer completer, Embedder embedder)
    implements Verb<GenerateSettings> {

  private static final String ADVICE =
      "; does the prompt end as the trained ones do, blanks included?";

  /// The library function that this verb calls.
  public interface Completer {
    /// Completes `settings.prompt()` or the rows of `settings.rows()`.
    Completions.Done complete(GenerateSettings settings, Completions.Watcher watcher);
  }

  /// The library function for `--embed`.
  public interface Embedder {
    /// Embeds the prompts, and passes each row to `rows`.
    List<Embeddings.Row> embed(
        GenerateSettings settings, Completions.Watcher watcher, Consumer<Embeddings.Row> rows);
  }

  /// Prints notes and warnings of a generation.
  private abstract static class ConsoleWatcher implements Completions.Watcher {
    final Console console;

    ConsoleWatcher(Console console) {
      this.console = console;
    }

    @Override
    public void note(String line) {
      console.note(line);
    }

    @Override
    public void warn(String line) {
      console.warn(line);
    }
  }

  @Override
  public About<GenerateSettings> about() {
    return new About<>(
        "generate", "completes a prompt, or the prompts of a file", GenerateSettings.class);
  }

  @Override
  public int run(GenerateSettings settings, Console console) {
    DataSettings data = settings.rows();
    if (settings.embed()) {
      if (data != null) {
        StandardInput.checkPattern(data.prompt());
      }
      embed(data == null ? StandardInput.asPrompt(settings) : settings, console);
    } else if (data == null) {
      GenerateSettings given = StandardInput.asPrompt(settings);
      if (given.sampling().n() > 1 || given.sampling().logprobs() && !console.json()) {
        rows(given, console); // more than plain text
      } else {
        prompt(given, console);
      }
    } else {
      StandardInput.checkPattern(data.prompt());
      rows(settings, console);
    }
    return ExitCode.DONE;
  }

  private void embed(GenerateSettings settings, Console console) {
    List<Embeddings.Row> rows =
        embedder.embed(
            settings,
            new ConsoleWatcher(console) {},
            row -> {
              if (!console.json()) {
                console.result(Json.line(row));
              }
            });
    console.object(settings.rows() == null ? rows.getFirst() : Map.of("embeddings", rows));
    console.note(Count.of(rows.size(), "embedding"));
  }

  private void prompt(GenerateSettings settings, Console console) {
    Completions.Done done =
        completer.complete(
            settings,
            new ConsoleWatcher(console) {
              @Override
              public void piece(String piece) {
                if (!console.json()) {
                  console.results().text(piece);
                }
              }
            });
    Completions.Row row = done.rows().getFirst();
    console.result("");
    console.object(row);
    if (row.completion().endedAtOnce()) {
      console.warn("the answer ended at once: its first token was an end token" + ADVICE);
    }
    boolean cut = row.completion().stop() == Completion.Stop.LENGTH;
    boolean full = cut && row.completion().tokens() < settings.sampling().maxTokens();
    console.note(
        rate(row.completion().tokens(), done.seconds())
            + (full ? ", cut: --max-length is full" : cut ? ", cut at --max-tokens" : ""));
  }

  private void rows(GenerateSettings settings, Console console) {
    Completions.Done done =
        completer.complete(
            settings,
            new ConsoleWatcher(console) {
              @Override
              public void row(Completions.Row row) {
                if (!console.json()) {
                  console.result(Json.line(row));
                }
              }
            });
    List<Completions.Row> rows = done.rows();
    console.object(Map.of("completions", rows));
    long ended = rows.stream().filter(row -> row.completion().endedAtOnce()).count();
    if (ended > 0) {
      console.warn(
          String.format(
              Locale.ROOT,
              "%,d of %s ended at once: the first token was an end token%s",
              ended,
              Count.of(rows.size(), "answer"),
              ADVICE));
    }
    long tokens = rows.stream().mapToLong(row -> row.completion().tokens()).sum();
    console.note(Count.of(rows.size(), "answer") + ", " + rate(tokens, done.seconds()));
  }

  private static String rate(long tokens, double seconds) {
    return String.format(
        Locale.ROOT,
        "%s in %.2f s, %,.1f tok/s",
        Count.of(tokens, "token"),
        seconds,
        tokens / Math.max(seconds, 1e-9));
  }
}
