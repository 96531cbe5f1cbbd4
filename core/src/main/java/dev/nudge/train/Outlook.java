package dev.nudge.train;

import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Recompute;
import dev.nudge.plan.Footprint;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Rates;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.HubName;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.PlanSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The result of `plan`. It has memory by part, whether the run fits, flags that would make it fit,
/// speed, time, cost and advice.
///
/// @param memory bytes that the run may use
/// @param levels bytes of activations with every layer at one checkpointing level
/// @param remedies flags that make the run fit; empty if it fits
/// @param pace null if speed was not measured
public record Outlook(
    PlanSettings settings,
    ModelConfig config,
    Forecast.Attempt attempt,
    long memory,
    Map<Recompute, Long> levels,
    List<String> remedies,
    @Nullable Pace pace) {
  /// The main class for spark-submit.
  public static final String SUBMIT = "dev.nudge.spark.Submit";

  private static final double LEAST_COST = 0.01;
  private static final double NF4_BYTES = 0.516; // of a number, with double-quantised scales

  /// The speed and cost of a run.
  ///
  /// @param seconds per optimiser step
  /// @param tokens per optimiser step
  /// @param hours of the whole run; null if its number of tokens is unknown
  /// @param price per hour; null if not given
  /// @param notCounted parts of the run that hours leave out
  public record Pace(
      Rates rates,
      double seconds,
      long tokens,
      @Nullable Double hours,
      @Nullable Double price,
      List<String> notCounted) {
    public double tokensPerSecond() {
      return tokens / seconds;
    }

    /// Hours per million tokens.
    public double hoursOfAMillion() {
      return 1e6 / tokensPerSecond() / 3600;
    }
  }

  /// The layout, or the leanest layout if none fits.
  public Plan plan() {
    return attempt.fit().plan();
  }

  public boolean fits() {
    return attempt.fit().fits();
  }

  /// Tells whether the mapped weights fit into memory beside the process's anonymous memory.
  public boolean mappedFits() {
    return plan().totalBytes() + plan().footprint().mapped() <= memory;
  }

  /// Estimates mapped weights under NF4; embeddings and head stay dense.
  private String nf4(long mapped) {
    double head = (double) config.vocabSize() * config.hiddenSize();
    double dense = (config.tieWordEmbeddings() ? 1 : 2) * head / config.parameters();
    double number = (double) mapped / config.parameters(); // bytes
    double left = dense + (1 - dense) * NF4_BYTES / number;
    return "about " + Math.round(100 * left) + " % of that";
  }

  /// The lines of the table for people.
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    Plan plan = plan();
    Footprint f = plan.footprint();
    lines.add(
        String.format(
            Locale.ROOT,
            "model      %s: %,d parameters in %d layers; %s",
            HubName.shown(settings.model().model()),
            config.parameters(),
            config.numHiddenLayers(),
            attempt.count()));
    if (settings.rows() == null) {
      lines.add(
          settings.model().maxLength() == null
              ? String.format(
                  Locale.ROOT,
                  "rows       taken to be as long as the model allows, %,d tokens each;"
                      + " --max-length or --data says what yours are",
                  config.maxPositionEmbeddings())
              : String.format(
                  Locale.ROOT,
                  "rows       taken to be %,d tokens each",
                  settings.model().maxLength()));
    }
    if (settings.lora().method() == Method.FULL) {
      lines.add("trained    " + f.each(attempt.count().trained()));
    }
    lines.add(plan.compute());
    lines.addAll(plan.layout());
    lines.add("");
    row(lines, "weights, read in place from the file", f.weights().mapped());
    row(lines, "weights, in the compute type", f.weights().dense());
    row(lines, "weights, quantised", f.weights().packed());
    row(lines, "constants of those", f.weights().constants());
    row(lines, "trained numbers, masters in fp32", f.masters());
    row(lines, "trained numbers, working copies", f.working());
    row(lines, "gradients, " + lanes(), f.gradients());
    row(lines, "optimiser", f.optimizer());
    row(lines, "activations kept, " + lanes(), plan.lanes() * f.pass().saved());
    row(
        lines,
        "scratch of head or backward pass, " + lanes(),
        plan.lanes() * (f.workspace() - f.pass().saved()));
    row(lines, "weights cached in the layout of products", f.caches());
    row(lines, "keys and values that lanes share", plan.split().sharedBytes());
    row(lines, "runtime: JVM, natives, tokenizer", f.runtime());
    row(lines, "in a file: optimiser", f.paged());
    row(lines, "in a file: layer inputs", plan.lanes() * f.pass().offloaded());
    lines.add("");
    row(lines, "memory of the process, at its peak", plan.totalBytes());
    row(lines, "weights read in place, beside it", f.mapped());
    lines.add("");
    lines.add("activations kept, by what every layer computes again, " + lanes());
    levels.forEach((level, bytes) -> row(lines, "  " + level.shown(), bytes));
    lines.add("");
    lines.add(
        (fits() ? "fits       " : "does not fit: ")
            + Bytes.shown(plan.totalBytes())
            + " of "
            + Bytes.shown(memory));
    if (f.mapped() > 0 && !mappedFits()) {
      boolean quantised = f.weights().packed() > 0 || f.mapped() < config.parameters();
      lines.add(
          "  the weights that are read in place, "
              + Bytes.shown(f.mapped())
              + ", do not fit beside it: every step reads them from the disk again"
              + (quantised ? "" : "; --quantize nf4 makes them " + nf4(f.mapped())));
    }
    long inMemory = f.weights().packed() + f.weights().constants();
    if (!fits() && inMemory > 0 && plan.totalBytes() - inMemory <= memory) {
      lines.add(
          "  would fit with a model that nudge quantize wrote: its 4-bit weights are read in"
              + " place");
    }
    remedies.forEach(flags -> lines.add("  would fit with " + flags));
    Pace p = pace;
    if (p != null) {
      lines.addAll(pace(p));
    }
    if (plan.ranks() > 1) {
      lines.add("submit     " + submit());
    }
    attempt.advice().forEach(line -> lines.add("advice     " + line));
    return lines;
  }

  /// Spark settings by which a rank gets the plan's threads and its memory, which is outside the
  /// heap.
  public Map<String, String> sparkConf() {
    String cores = Integer.toString(plan().threads());
    Map<String, String> conf = new LinkedHashMap<>();
    conf.put("spark.driver.memory", "2g"); // as much heap as the launcher gives
    conf.put("spark.executor.instances", Integer.toString(plan().ranks()));
    conf.put("spark.executor.cores", cores);
    conf.put("spark.task.cpus", cores);
    conf.put("spark.executor.memory", "1g");
    conf.put("spark.executor.memoryOverhead", Math.ceilDiv(executorBytes(), 1L << 20) + "m");
    conf.put("spark.dynamicAllocation.enabled", "false");
    conf.put("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s");
    return conf;
  }

  /// Bytes that an executor needs outside its heap, weights that are read in place included.
  public long executorBytes() {
    return plan().totalBytes() + plan().footprint().mapped();
  }

  private String submit() {
    StringBuilder line = new StringBuilder("spark-submit");
    sparkConf().forEach((key, value) -> line.append(" --conf ").append(key + "=" + value));
    return line
        + " --class %s nudge-spark-*-all.jar train --ranks %d …".formatted(SUBMIT, plan().ranks());
  }

  private List<String> pace(Pace p) {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "speed      %,.0f tokens/s, %.2f s a step of %,d tokens; layers at %.0f, products at"
                + " %.0f GFLOP/s",
            p.tokensPerSecond(),
            p.seconds(),
            p.tokens(),
            p.rates().layers(),
            p.rates().products()));
    Double hours = p.hours();
    lines.add(
        hours == null
            ? String.format(
                Locale.ROOT,
                "time       %s a million tokens%s; --tokens, --data or --steps says how many there"
                    + " are",
                duration(p.hoursOfAMillion()),
                cost(p.hoursOfAMillion(), p))
            : "time       " + duration(hours) + cost(hours, p));
    if (!p.notCounted().isEmpty()) {
      lines.add("not timed  " + String.join("; ", p.notCounted()));
    }
    return lines;
  }

  private static String cost(double hours, Pace p) {
    Double price = p.price();
    if (price == null) {
      return "";
    }
    return hours * price < LEAST_COST
        ? ", cost below " + LEAST_COST
        : String.format(Locale.ROOT, ", cost %.2f", hours * price);
  }

  /// Formats hours as `6.5 seconds`, `43 seconds`, `12 minutes` or `2.50 hours`.
  private static String duration(double hours) {
    double seconds = 3600 * hours;
    if (seconds < 100) {
      return String.format(Locale.ROOT, seconds < 10 ? "%.1f seconds" : "%.0f seconds", seconds);
    }
    return seconds < 6000
        ? String.format(Locale.ROOT, "%.0f minutes", seconds / 60)
        : String.format(Locale.ROOT, "%.2f hours", hours);
  }

  private String lanes() {
    return Count.of(plan().lanes(), "lane");
  }

  private static void row(List<String> lines, String name, long bytes) {
    if (bytes > 0) {
      lines.add(String.format(Locale.ROOT, "  %-44s%12s", name, Bytes.shown(bytes)));
    }
  }

  private static String name(Recompute level) {
    return level.name().toLowerCase(Locale.ROOT);
  }

  /// The table as one object, for `--json`.
  public Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("model", HubName.shown(settings.model().model()));
    values.put("parameters", config.parameters());
    values.put("trained_parameters", attempt.count().trained());
    values.put("share", attempt.count().share());
    values.put("memory_bytes", memory);
    values.put("fits", fits());
    values.put("mapped_fits", mappedFits());
    values.put("plan", plan().values());
    Map<String, Long> byLevel = new LinkedHashMap<>();
    levels.forEach((level, bytes) -> byLevel.put(name(level), bytes));
    values.put("activation_bytes_by_level", byLevel);
    values.put("remedies", remedies);
    Pace p = pace;
    values.put("tokens_per_s", p == null ? null : p.tokensPerSecond());
    values.put("seconds_per_step", p == null ? null : p.seconds());
    values.put("tokens_per_step", p == null ? null : p.tokens());
    values.put("gemm_gflops", p == null ? null : p.rates().products());
    values.put("layer_gflops", p == null ? null : p.rates().layers());
    values.put("hours_per_million_tokens", p == null ? null : p.hoursOfAMillion());
    Double hours = p == null ? null : p.hours();
    Double price = p == null ? null : p.price();
    values.put("hours", hours);
    values.put("cost", hours == null || price == null ? null : hours * price);
    values.put("not_counted", p == null ? null : p.notCounted());
    values.put("submit", plan().ranks() == 1 ? null : submit());
    values.put("advice", attempt.advice());
    return values;
  }
}
