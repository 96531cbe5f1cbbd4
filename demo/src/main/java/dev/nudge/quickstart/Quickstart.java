package dev.nudge.quickstart;

import dev.nudge.adapter.PeftFiles;
import dev.nudge.eval.Paired;
import dev.nudge.format.OutFolder;
import dev.nudge.format.WeightFile;
import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.machine.ProcessMemory;
import dev.nudge.merge.Merged;
import dev.nudge.merge.Merging;
import dev.nudge.model.Quantization;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.train.Forecast;
import dev.nudge.train.Prepared;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.world.Grader;
import dev.nudge.world.Score;
import dev.nudge.world.SupportTicket;
import dev.nudge.world.World;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Runs the quickstart end to end: few-shot score of the base, QLoRA training, zero-shot score of
/// the adapter, sample answers, merge, and sizes.
///
/// The task is support tickets of a synthetic world (`dev.nudge.world`). Each stage works like the
/// verb of its name, all in one process.
///
/// The base answers unquantized with few-shot prompts, the adapter zero-shot on the NF4 base. So
/// the paired test compares the untrained base at its best with the adapter after quantization.
///
/// Threading: confined to the thread that calls it.
public final class Quickstart {
  private final QuickstartSettings wanted;
  private final Machine machine;
  private final Consumer<Chapter> told;
  private final BooleanSupplier cancelled;
  private final Exam exam;
  private final Set<String> warned = new HashSet<>();

  private Quickstart(
      QuickstartSettings wanted,
      Machine machine,
      Consumer<Chapter> told,
      BooleanSupplier cancelled) {
    this.wanted = wanted;
    this.machine = machine;
    this.told = told;
    this.cancelled = cancelled;
    this.exam = Exam.draw(wanted.rows(), wanted.cases());
  }

  /// Runs all stages.
  ///
  /// @param told receives the events, in order
  /// @param cancelled polled between answers, steps and layers
  /// @return the result; null if cancelled
  /// @throws dev.nudge.settings.InputException in one line, for any user error
  /// @throws dev.nudge.settings.RunException if a stage fails
  public static @Nullable QuickstartResult run(
      QuickstartSettings wanted,
      Machine machine,
      Consumer<Chapter> told,
      BooleanSupplier cancelled) {
    try {
      return new Quickstart(wanted, machine, told, cancelled).go();
    } catch (CancellationException e) {
      return null;
    }
  }

  private QuickstartResult go() {
    long start = System.nanoTime();
    try (Workplace place = Workplace.of(wanted.keep())) {
      Chapter.Opened opened;
      Chapter.Base base;
      List<Grader.Grade> before;
      try (Session session = session(ModelSettings.of(wanted.model()), null)) {
        exam.check(session);
        place.make(); // only now, as the model has passed the check
        opened = tell(opened(session));
        begin(Chapter.Stage.BASE);
        exam.write(place);
        before = exam.grade(answers(session, exam.fewShot()));
        base = tell(new Chapter.Base(World.SHOTS, Score.of(before), since(start)));
      }
      begin(Chapter.Stage.TRAINING);
      Lesson lesson = Lesson.of(settings(place), machine, this::trains, cancelled);
      Chapter.Trained trained = tell(lesson.trained());
      Chapter.Adapted adapted;
      Chapter.Samples samples;
      long loading = begin(Chapter.Stage.ADAPTER);
      ModelSettings quantised = ModelSettings.of(wanted.model()).held(Quantize.NF4, null);
      try (Session session = session(quantised, place.adapter())) {
        List<Grader.Grade> after = exam.grade(answers(session, exam.prompts()));
        Paired paired = Paired.of(exact(before), exact(after));
        adapted = tell(new Chapter.Adapted(Score.of(after), paired, since(loading)));
        samples = tell(samples(session));
      }
      Chapter.Merges merges = tell(merge(place));
      begin(Chapter.Stage.SIZES);
      Chapter.Sizes sizes = tell(sizes(lesson.prepared(), place.adapter(), machine));
      boolean passed = adapted.against().secondIsBetter() && merges.merged().accepted();
      return new QuickstartResult(
          opened, base, trained, adapted, samples, merges, sizes, passed, since(start));
    }
  }

  private <C extends Chapter> C tell(C chapter) {
    told.accept(chapter);
    return chapter;
  }

  /// @return start time of the stage
  private long begin(Chapter.Stage stage) {
    if (cancelled.getAsBoolean()) {
      throw new CancellationException();
    }
    tell(new Chapter.Begun(stage));
    return System.nanoTime();
  }

  private static double since(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  /// Reports a warning once, although several stages load the model and repeat it.
  private void warn(String line) {
    if (warned.add(line)) {
      tell(new Chapter.Warned(line));
    }
  }

  private void trains(Chapter chapter) {
    if (chapter instanceof Chapter.Trains(TrainEvent.Warning(String line))) {
      warn(line);
    } else if (chapter instanceof Chapter.Trains(TrainEvent.Diverged sign)) {
      warn(sign.line());
    } else {
      tell(chapter);
    }
  }

  private Session session(ModelSettings model, @Nullable Path adapter) {
    return Session.load(model, adapter, machine, this::warn);
  }

  private Chapter.Opened opened(Session session) {
    return new Chapter.Opened(
        wanted.model().toString(),
        session.config().parameters(),
        weights(wanted.model()),
        exam.training().size(),
        exam.test().size());
  }

  private List<String> answers(Session session, List<String> prompts) {
    return Exam.answers(session, prompts, machine.threads(), told, cancelled);
  }

  private static List<Boolean> exact(List<Grader.Grade> grades) {
    return grades.stream().map(Grader.Grade::exact).toList();
  }

  private TrainSettings settings(Workplace place) {
    return TrainSettings.of(wanted.model(), place.rows(), place.adapter())
        .withQuantize(Quantize.NF4)
        .withLearningRate(wanted.learningRate())
        .withEpochs(wanted.epochs());
  }

  /// Generates with the adapter off and on; switching only reassigns the model's adapter slots.
  private Chapter.Samples samples(Session session) {
    long start = begin(Chapter.Stage.SAMPLES);
    List<SupportTicket> shown = World.oneOfEach(exam.test());
    List<String> prompts = shown.stream().map(SupportTicket::prompt).toList();
    session.adapters().disable();
    List<String> off = answers(session, prompts);
    session.adapters().enable();
    List<String> on = answers(session, prompts);
    List<Chapter.Sample> samples = new ArrayList<>();
    for (int i = 0; i < shown.size(); i++) {
      samples.add(
          new Chapter.Sample(
              shown.get(i).message(),
              off.get(i).strip(),
              on.get(i).strip(),
              Exam.grade(shown.get(i), on.get(i)).exact()));
    }
    return new Chapter.Samples(samples, since(start));
  }

  private Chapter.Merges merge(Workplace place) {
    long start = begin(Chapter.Stage.MERGE);
    MergeSettings settings =
        MergeSettings.of(wanted.model(), place.adapter(), place.path("merged"));
    Merged merged = Merging.prepare(settings, machine, this::warn).run(cancelled);
    if (merged == null) {
      throw new CancellationException();
    }
    return new Chapter.Merges(merged, since(start));
  }

  /// Measures a run: file sizes, its planned memory, and the planned memory of full fine-tuning.
  private static Chapter.Sizes sizes(Prepared run, Path adapter, Machine machine) {
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

  /// Plans the memory of full fine-tuning on the same rows.
  private static Chapter.Need full(Prepared run, Machine machine) {
    PlanSettings wanted =
        PlanSettings.of(run.settings().model().model())
            .withData(run.settings().data().data().toArray(String[]::new))
            .withBatchSize(run.settings().loop().batchSize())
            .withMethod(Method.FULL)
            .withProbe(false);
    return Chapter.Need.of(Forecast.of(wanted, machine).plan());
  }

  /// Returns the size of a folder's safetensors files in bytes.
  private static long weights(Path folder) {
    try (WeightFile file = WeightFile.open(folder)) {
      return file.files().stream().mapToLong(Quickstart::size).sum();
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
