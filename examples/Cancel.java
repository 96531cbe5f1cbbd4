import dev.nudge.Nudge;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunResult;
import java.nio.file.Path;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;

/// Trains beside other work until somebody presses Enter: `MODEL rows.jsonl OUT`.
final class Cancel {
  public static void main(String[] args) throws Exception {
    Nudge nudge = Nudge.here(System.err::println);
    var settings = TrainSettings.of(Path.of(args[0]), Path.of(args[1]), Path.of(args[2]));

    AtomicBoolean stop = new AtomicBoolean();
    try (var worker = Executors.newSingleThreadExecutor()) {
      Future<RunResult> run =
          worker.submit(() -> nudge.train(settings.withEpochs(1000), event -> {}, stop::get));
      System.in.read();
      stop.set(true);
      IO.println("the run is " + run.get().state()); // STOPPED, and what was trained is saved
    }
  }
}
