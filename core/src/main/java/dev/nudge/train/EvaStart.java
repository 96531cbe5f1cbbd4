package dev.nudge.train;

import dev.nudge.adapter.init.EvaRecorder;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.data.Dataset;
import dev.nudge.data.tokens.Example;
import dev.nudge.engine.Batcher;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/// Feeds an [EvaRecorder] with the training rows: the inputs of each layer at trained tokens, in
/// the order of the files and from the start again, until directions converge.
final class EvaStart {
  private static final int MOST_BATCHES = 200;

  private EvaStart() {}

  /// Runs passes without an adapter; the recorders stay on.
  static EvaRecorder record(CausalLm model, Lora spec, Set<String> paths, Prepared prepared) {
    int threads = prepared.plan().threads();
    Dataset data = prepared.data();
    int longest = data.longest();
    int budget = Math.max(prepared.plan().microBatchTokens(), longest);
    List<Example> examples = data.examples();
    int[] rows = IntStream.range(0, examples.size()).toArray();
    EvaRecorder recorder =
        new EvaRecorder(model.modules().linears(), paths, spec.rank(), model.backend(), threads);
    try (Workspace ws =
        new Workspace(
            0,
            model.measured().scoreBytes(budget, longest),
            model.backend().gemms().apply(threads))) {
      int at = 0;
      boolean any = false;
      for (int made = 0; made < MOST_BATCHES && !recorder.converged(); made++) {
        List<Integer> places = new ArrayList<>();
        for (int tokens = 0; places.size() < examples.size(); at = (at + 1) % examples.size()) {
          tokens += examples.get(at).length();
          if (tokens > budget && !places.isEmpty()) {
            break;
          }
          places.add(at);
        }
        Batch batch = Batcher.batch(places, rows, examples, null);
        int[] trained = IntStream.of(batch.rows()).map(row -> row + 1).toArray(); // labels' own
        recorder.next(trained);
        any |= trained.length >= EvaRecorder.MORE * spec.rank();
        model.score(batch, new double[trained.length], null, ws);
        if (!any && made * budget > data.tokens()) {
          break;
        }
      }
      if (!any) {
        throw new InputException(
            "--init eva looks for %d directions, twice --rank, and no %d tokens of rows have as many trained ones; give a smaller --rank or more rows"
                .formatted(EvaRecorder.MORE * spec.rank(), budget));
      }
      return recorder;
    } catch (RuntimeException | Error e) {
      recorder.close();
      throw e;
    }
  }
}
