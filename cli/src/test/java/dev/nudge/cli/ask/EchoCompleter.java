package dev.nudge.cli.ask;

import dev.nudge.generate.Completion;
import dev.nudge.generate.Completion.Stop;
import dev.nudge.generate.Completions;
import dev.nudge.generate.Embeddings;
import dev.nudge.settings.verb.GenerateSettings;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;

/// Gives a prompt back in two pieces or several times, and two rows for a file.
public final class EchoCompleter implements GenerateVerb.Completer {

  @Override
  public Completions.Done complete(GenerateSettings settings, Completions.Watcher watcher) {
    String prompt = settings.prompt();
    if (settings.rows() == null && prompt != null) {
      watcher.warn("only an echo");
      int n = settings.sampling().n();
      if (n == 1) {
        watcher.piece(prompt.substring(0, 1));
        watcher.piece(prompt.substring(1));
      }
      List<Completions.Row> same = Collections.nCopies(n, row(0, prompt, 2, Stop.EOS));
      same.forEach(watcher::row);
      return new Completions.Done(same, 0.5);
    }
    List<Completions.Row> rows =
        List.of(row(0, "a", 1, Stop.LENGTH), row(2, "é\n", 3, Stop.STRING));
    rows.forEach(watcher::row);
    return new Completions.Done(rows, 0.25);
  }

  public static List<Embeddings.Row> embed(
      GenerateSettings settings, Completions.Watcher watcher, Consumer<Embeddings.Row> rows) {
    List<Embeddings.Row> all = List.of(new Embeddings.Row(0, new float[] {0.5f, -1}));
    all.forEach(rows);
    return all;
  }

  public static Completions.Row row(long index, String text, int tokens, Stop stop) {
    return new Completions.Row(index, new Completion(text, tokens, stop));
  }
}
