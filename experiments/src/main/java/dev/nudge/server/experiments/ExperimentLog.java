package dev.nudge.server.experiments;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/// The state of an experiment, read from its log.
///
/// A log, not a database: the same order of events always produces the same report, so a restart
/// changes nothing, and checksums reveal a truncated end.
record ExperimentLog(ExperimentTotals tally, History history) {

  /// Reads a log that another process may be writing; null if it is empty.
  static @Nullable ExperimentLog read(Path file) {
    Reading reading = new Reading(file);
    try (InputStream in = Files.newInputStream(file)) {
      LogReader.read(in, file, reading);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + OutFolder.reason(e), e);
    }
    return reading.end();
  }

  static boolean isLog(Path file) {
    return file.getFileName().toString().endsWith(Experiments.SUFFIX) && Files.isRegularFile(file);
  }

  Map<String, @Nullable Object> report(boolean whole) {
    return ExperimentReport.of(tally, history, 0, whole);
  }

  /// Replays the records of a log.
  static final class Reading implements Consumer<String> {
    private final Path file;
    private final History history = new History();
    private @Nullable ExperimentTotals tally;

    Reading(Path file) {
      this.file = file;
    }

    @Override
    public void accept(String record) {
      try {
        ExperimentEvent event = ExperimentEvent.of(record);
        if (event instanceof ExperimentEvent.Created created) {
          if (created.version() != ExperimentEvent.Created.VERSION) {
            throw new InputException(
                "%s has version %d; this nudge reads version %d"
                    .formatted(file, created.version(), ExperimentEvent.Created.VERSION));
          }
          tally = new ExperimentTotals(created.definition());
        }
        ExperimentTotals sums = tally;
        if (sums == null) {
          throw new InputException(file + " does not begin with an experiment; move it away");
        }
        sums.apply(event);
        history.apply(event);
      } catch (JacksonException | IllegalArgumentException e) {
        throw new InputException(
            file + " holds a record that this nudge does not know; it is of a newer one", e);
      }
    }

    /// Returns the state after replay; null if there was no record.
    @Nullable ExperimentLog end() {
      ExperimentTotals sums = tally;
      return sums == null ? null : new ExperimentLog(sums, history);
    }
  }
}
