package dev.nudge.train;

import dev.nudge.adapter.ParameterCount;
import dev.nudge.data.Batches;
import dev.nudge.data.Dataset;
import dev.nudge.data.Flaws;
import dev.nudge.data.tokens.ShownRow;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.machine.Reservations;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.plan.Plan;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.train.ObjectiveSettings;
import dev.nudge.settings.train.Rate;
import dev.nudge.settings.train.ReferenceModel;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.text.chat.ChatTemplate;
import dev.nudge.train.checkpoint.Resumed;
import dev.nudge.train.objective.GroupRewards;
import dev.nudge.train.objective.Objective;
import dev.nudge.train.objective.SamplePrompts;
import dev.nudge.train.replay.Replay;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A run that is checked and planned but not started: nothing is written yet.
///
/// @param assembly the base, with trained parts
/// @param warnings for the user, one line each
public record Prepared(
    Assembly<TrainSettings> assembly,
    Trained trained,
    Inputs inputs,
    Schedule schedule,
    Goal goal,
    Plan plan,
    List<String> warnings) {

  /// Counts and bytes of the trained parameters.
  ///
  /// @param savedBytes of an adapter's tensors in its file; 0 with full fine-tuning
  /// @param joins whether it can be trained in the passes of other runs of the same base
  record Trained(ParameterCount count, long savedBytes, boolean joins) {}

  /// The rows, and how they became tokens.
  ///
  /// @param tokens the tokenizer, and tokens that the run adds
  /// @param template chat template of the conversations among the rows; null: there are none
  /// @param held held-out rows; null: none
  /// @param flaws problems found in the training rows
  /// @param samples prompts that are answered at each held-out loss
  record Inputs(
      NewParts.Tokens tokens,
      @Nullable ChatTemplate template,
      Dataset train,
      @Nullable Dataset held,
      Flaws flaws,
      SamplePrompts samples) {}

  /// The row schedule.
  ///
  /// @param steps of the whole run
  /// @param at start time of the run; chat templates print this day
  /// @param resumed the checkpoint to resume from; null: the run begins anew
  public record Schedule(Batches batches, int steps, Instant at, @Nullable Resumed resumed) {}

  /// The training goal.
  ///
  /// @param replay rows on which the model stays near the base; null: none
  /// @param rewards rewards of sampled completions; null: none are sampled
  record Goal(Objective objective, @Nullable Replay replay, @Nullable GroupRewards rewards) {}

  public TrainSettings settings() {
    return assembly.settings();
  }

  public Machine machine() {
    return assembly.machine();
  }

  public ModelConfig config() {
    return assembly.config();
  }

  public Backend backend() {
    return assembly.backend();
  }

  /// The rows to train on.
  public Dataset data() {
    return inputs.train();
  }

  /// The held-out rows; null: none.
  public @Nullable Dataset held() {
    return inputs.held();
  }

  /// The numbers that train.
  public ParameterCount count() {
    return trained.count();
  }

  /// Steps of the whole run.
  public int steps() {
    return schedule.steps();
  }

  /// The model that preferences are measured against.
  ReferenceModel reference() {
    return settings().objective().measuredAgainst(settings().lora());
  }

  /// Tells whether a step is followed by an evaluation.
  ///
  /// @param step from 1
  boolean evaluatesAfter(int step) {
    if (held() == null) {
      return false;
    }
    Integer every = settings().eval().evalSteps();
    boolean due = every == null ? schedule.batches().endsEpoch(step - 1) : step % every == 0;
    return due || step == steps();
  }

  /// Reserves the run's memory among other runs.
  ///
  /// @param layout of the run, or of the group that it trains in
  /// @return null if other runs reserved memory since the planning, and this one no longer fits
  public Reservations.@Nullable Reservation reserve(Plan layout) {
    long most = settings().memory() == null ? machine().memoryBytes() : Long.MAX_VALUE;
    return machine().others().take(layout.totalBytes(), most);
  }

  /// Tells whether mapped weights are streamed: they do not fit into memory beside the rest.
  public boolean streams() {
    return assembly.streams(plan);
  }

  /// Lines on how rows are read: their kind, ignored columns, and the first row as it is trained.
  /// They are printed before all other lines of the run.
  public List<String> rows() {
    Dataset data = data();
    List<String> lines = new ArrayList<>();
    data.guesses().forEach(line -> lines.add("format     " + line));
    lines.add("rows are   " + data.shapes());
    if (!data.columns().unused().isEmpty()) {
      lines.add("columns    " + data.columns());
    }
    addCut(lines, "", data);
    addCut(lines, "held out: ", held());
    inputs.flaws().lines().forEach(line -> lines.add("check      " + line));
    if (inputs.template() != null) {
      lines.add("template   " + inputs.template().place());
    }
    String spaces = data.boundary().advice(settings().data());
    if (spaces != null) {
      lines.add("advice     " + spaces);
    }
    ShownRow rejected = data.rejected();
    lines.add("first row  given    " + data.first().given());
    if (data.groups() != null || data.promptsOnly()) {
      data.firstGroup(inputs.tokens().tokenizer()).forEach(line -> lines.add("           " + line));
      return lines;
    }
    lines.add(
        (rejected == null ? "           trained  " : "           chosen   ")
            + data.first().trained());
    if (rejected != null) {
      lines.add("           rejected " + rejected.trained());
    }
    return lines;
  }

  private static void addCut(List<String> lines, String whose, @Nullable Dataset rows) {
    if (rows != null && rows.cutRows().count() > 0) {
      lines.add("cut        " + whose + rows.cutRows());
    }
  }

  /// Lines that describe the run, as a dry run prints them.
  public List<String> lines() {
    return Stream.concat(summary().stream(), layout().stream()).toList();
  }

  /// The lines that are printed before the run starts.
  List<String> summary() {
    Dataset data = data();
    Dataset held = held();
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "data       %s, %s%s%s%s",
            Count.of(data.rows(), rowName("row")),
            Count.of(data.tokens(), "token"),
            data.promptsOnly()
                ? ""
                : String.format(Locale.ROOT, ", %,d trained", data.trainedTokens()),
            setAside(data),
            held == null ? "" : heldOut(held)));
    lines.add(
        String.format(
            Locale.ROOT,
            "run        %s of %s, %s an epoch, learning rate %s",
            Count.of(steps(), "step"),
            Count.of(settings().loop().batchSize(), rowName("sequence")),
            Count.of(schedule.batches().stepsPerEpoch(), "step"),
            Rate.shown(settings().optimizer().highestRate())));
    if (settings().objective().objective().compares()) {
      lines.add("objective  " + objectiveLine());
    }
    Replay replay = goal.replay();
    if (replay != null) {
      lines.add(
          "replay     %s a step of %s, KL to the base weighs %s"
              .formatted(
                  Count.of(replay.batches().step(0).length, "row"),
                  Count.of(replay.examples().size(), "row"),
                  replay.weight()));
    }
    if (!settings().loop().mixture().isEmpty()) {
      lines.add("epoch      " + schedule.batches().shown(settings().data().data()));
    }
    if (schedule.resumed() != null) {
      lines.add("resume     behind step " + schedule.resumed().step());
    }
    lines.add((full() ? "weights    " : "adapter    ") + count() + each());
    if (count().on() != null) {
      lines.add("on         " + count().on());
    }
    lines.addAll(plan.lines());
    if (streams()) {
      lines.add(
          "weights    "
              + Bytes.shown(plan.footprint().mapped())
              + (PageAdvice.advised()
                  ? " streamed from their file, two layers ahead"
                  : " read from their file as they are touched: this system takes no advice"));
    }
    return lines;
  }

  /// The lines of the plan's layout.
  List<String> layout() {
    List<String> lines = new ArrayList<>(plan.layout());
    lines.add(plan.holds());
    if (settings().memory() == null) {
      long ahead = machine().others().aheadBytes();
      lines.add(
          "layout     for the "
              + Bytes.shown(machine().memoryBytes())
              + " that "
              + (ahead == 0
                  ? "are free now"
                  : "%s planned by %s now leave"
                      .formatted(
                          Bytes.shown(ahead), Count.of(machine().others().runs(), "other run")))
              + "; --memory gives one that stays, and with it the same bits");
    }
    return lines;
  }

  private String rowName(String otherwise) {
    Dataset data = data();
    return data.pairs() != null
        ? "pair"
        : data.groups() != null ? "group" : data.promptsOnly() ? "prompt" : otherwise;
  }

  /// `dpo, sigmoid, beta 0.1, against the base with the adapter off, scored once before step 1`.
  private String objectiveLine() {
    ObjectiveSettings o = settings().objective();
    String name = o.objective().shown();
    if (o.objective().givesScores()) {
      return name + " model: a score head on the last token";
    }
    if (o.objective().settings().contains("loss_type")) {
      name += ", " + o.lossType();
    }
    if (o.objective().groups()) {
      name += ", " + completions();
    }
    if (o.beta() > 0) {
      name += ", beta " + o.beta();
    }
    if (!o.hasReference()) {
      return name + ", without a reference";
    }
    String reference =
        full()
            ? "the model as it begins"
            : reference() == ReferenceModel.BASE
                ? "the base with the adapter off"
                : "the adapter as it begins";
    return name
        + ", against "
        + reference
        + (data().promptsOnly() ? ", scored in each batch" : ", scored once before step 1");
  }

  /// `8 completions a prompt of up to 256 tokens by exact:{answer}`, or those of the rows.
  private String completions() {
    Dataset data = data();
    var rollouts = settings().objective().rollouts();
    return data.groups() != null
        ? data.groups().toString()
        : "%d completions a prompt of up to %d tokens by %s"
            .formatted(
                rollouts.generations(),
                rollouts.maxCompletion(),
                String.join(" + ", rollouts.reward()));
  }

  private static String heldOut(Dataset held) {
    return "; held out " + Count.of(held.rows(), "row") + setAside(held);
  }

  private static String setAside(Dataset rows) {
    return rows.badRows() == 0 ? "" : ", " + Count.of(rows.badRows(), "bad row") + " set aside";
  }

  private boolean full() {
    return settings().full();
  }

  /// Formats the bytes of each trainable number, if these dominate a run's memory.
  private String each() {
    return full() ? ", " + plan.footprint().each(count().trained()) : "";
  }

  /// Describes the run as one object, for `--dry-run --json`.
  public Map<String, @Nullable Object> values() {
    Dataset data = data();
    Dataset held = held();
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("rows", data.rows());
    values.put("bad_rows", data.badRows());
    values.put("cut_rows", data.cutRows().count());
    values.put("tokens", data.tokens());
    values.put("trained_tokens", data.trainedTokens());
    values.put("longest", data.longest());
    values.put("flaws", inputs.flaws().values());
    values.put("eval_rows", held == null ? null : held.rows());
    values.put("eval_bad_rows", held == null ? null : held.badRows());
    values.put("eval_cut_rows", held == null ? null : held.cutRows().count());
    values.put("steps", steps());
    values.put("steps_per_epoch", schedule.batches().stepsPerEpoch());
    values.put("trained_parameters", count().trained());
    values.put("all_parameters", count().all());
    values.put("share", count().share());
    values.put("resumed_step", schedule.resumed() == null ? null : schedule.resumed().step());
    values.put("plan", plan.values());
    values.put("streams_weights", streams());
    values.put("settings", settings().recorded());
    return values;
  }
}
