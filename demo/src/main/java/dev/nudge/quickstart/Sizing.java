package dev.nudge.quickstart;

import dev.nudge.adapter.PeftFiles;
import dev.nudge.format.OutFolder;
import dev.nudge.format.WeightFile;
import dev.nudge.machine.Machine;
import dev.nudge.machine.ProcessMemory;
import dev.nudge.model.Quantization;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.train.Forecast;
import dev.nudge.train.Prepared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Measures a run: file sizes, its planned memory, and the planned memory of full fine-tuning.
final class Sizing {
  private Sizing() {}

  static Chapter.Sizes of(Prepared run, Path adapter, Machine machine) {
    long start = System.nanoTime();
    Path model = run.settings().model().model();
    boolean stored = Quantization.resolve(ModelSettings.of(model), run.config()).any();
    double peak = ProcessMemory.peakMb();
    return new Chapter.Sizes(
        weights(model),
        size(adapter.resolve(PeftFiles.WEIGHTS)),
        Chapter.Need.of(run.plan()),
        stored ? null : full(run, machine), // quantised weights cannot be trained
        Double.isNaN(peak) ? null : peak,
        (System.nanoTime() - start) / 1e9);
  }

  /// The planned memory of full fine-tuning on the same rows.
  private static Chapter.Need full(Prepared run, Machine machine) {
    PlanSettings wanted =
        PlanSettings.of(run.settings().model().model())
            .withData(run.settings().data().data().toArray(String[]::new))
            .withBatchSize(run.settings().loop().batchSize())
            .withMethod(Method.FULL)
            .withProbe(false);
    return Chapter.Need.of(Forecast.of(wanted, machine).plan());
  }

  /// Bytes of a folder's safetensors files.
  static long weights(Path folder) {
    try (WeightFile file = WeightFile.open(folder)) {
      return file.files().stream().mapToLong(Sizing::size).sum();
    }
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new RunException("cannot read " + file + ": " + OutFolder.reason(e), e);
    }
  }
}
