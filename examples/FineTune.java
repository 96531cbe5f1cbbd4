import dev.nudge.Nudge;
import dev.nudge.generate.Session;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Path;

/// Fine-tunes a model on prompts with completions and asks what came of it:
///
///     java --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -cp 'lib/*' \
///         examples/FineTune.java MODEL rows.jsonl held-out.jsonl OUT
final class FineTune {
  public static void main(String[] args) {
    if (args.length != 4) {
      System.err.println("usage: FineTune MODEL rows.jsonl held-out.jsonl OUT");
      System.exit(2);
    }
    try {
      run(Path.of(args[0]), Path.of(args[1]), Path.of(args[2]), Path.of(args[3]));
    } catch (NudgeException e) { // what a user can mend, in one line
      System.err.println(e.getMessage());
      System.exit(1);
    }
  }

  private static void run(Path model, Path rows, Path heldOut, Path out) {
    Path adapter = out.resolve("adapter");
    Path merged = out.resolve("merged");

    Nudge nudge = Nudge.here(System.err::println);
    var settings = TrainSettings.of(model, rows, adapter).withEpochs(3);
    nudge.train(settings, TrainEvent.steps(s -> IO.println(s.step() + "  loss " + s.loss())));

    var score = nudge.score(ScoreSettings.of(model, heldOut).withAdapter(adapter));
    IO.println(score.greedy() + " of " + score.rows() + " answers are exact");

    nudge.merge(MergeSettings.of(model, adapter, merged).withOverwrite(true));
    try (Session session = nudge.open(merged)) {
      IO.println(session.complete("pump:").text());
    }
  }
}
