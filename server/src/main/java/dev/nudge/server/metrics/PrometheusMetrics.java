package dev.nudge.server.metrics;

import dev.nudge.generate.Gaps;
import dev.nudge.server.http.RequestOutcome;
import dev.nudge.server.http.Served;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;

/// Prometheus metrics with vLLM's names, so that its dashboards and gateways work; each has model
/// and adapter labels.
///
/// To bound label cardinality, the first [#MOST_ADAPTERS] adapters have a label each; later ones
/// share `other`.
///
/// Threading: any number of threads.
public final class PrometheusMetrics implements Consumer<RequestOutcome> {
  static final int MOST_ADAPTERS = 100;
  private static final String OTHER = "other";
  private static final double[] SECONDS = {
    .001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
    2560
  };
  private static final double[] TOKENS = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000
  };

  private static final String BETWEEN = "vllm:inter_token_latency_seconds"; // each gap
  private static final String A_TOKEN = "vllm:request_time_per_output_token_seconds"; // mean gap

  private final String base;
  private final Map<String, Counts> byAdapter = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> requests = new ConcurrentHashMap<>(); // by labels

  /// The metrics of one adapter.
  private static final class Counts {
    final LongAdder prompt = new LongAdder();
    final LongAdder generated = new LongAdder();
    final Map<String, LongAdder> finished = new ConcurrentHashMap<>();
    final Map<String, Histogram> histograms = new LinkedHashMap<>();

    Counts() {
      TIMES.keySet().forEach(name -> histograms.put(name, new Histogram(SECONDS)));
      List.of(BETWEEN, A_TOKEN).forEach(name -> histograms.put(name, new Histogram(SECONDS)));
      SIZES.keySet().forEach(name -> histograms.put(name, new Histogram(TOKENS)));
    }
  }

  private static final Map<String, ToDoubleFunction<RequestOutcome>> TIMES = new LinkedHashMap<>();
  private static final Map<String, ToDoubleFunction<RequestOutcome>> SIZES = new LinkedHashMap<>();

  static {
    TIMES.put("vllm:time_to_first_token_seconds", o -> o.usage().firstTokenSeconds());
    TIMES.put("vllm:e2e_request_latency_seconds", RequestOutcome::seconds);
    TIMES.put("vllm:request_queue_time_seconds", o -> o.usage().queueSeconds());
    TIMES.put(
        "vllm:request_prefill_time_seconds",
        o -> o.usage().firstTokenSeconds() - o.usage().queueSeconds());
    TIMES.put("vllm:request_decode_time_seconds", o -> o.seconds() - o.usage().firstTokenSeconds());
    TIMES.put("vllm:request_inference_time_seconds", o -> o.seconds() - o.usage().queueSeconds());
    SIZES.put("vllm:request_prompt_tokens", o -> o.usage().promptTokens());
    SIZES.put("vllm:request_generation_tokens", o -> o.usage().completionTokens());
  }

  public PrometheusMetrics(String base) {
    this.base = base;
  }

  @Override
  public void accept(RequestOutcome outcome) {
    requests
        .computeIfAbsent(
            "route=\"%s\",status=\"%d\"".formatted(outcome.route(), outcome.status()),
            _ -> new LongAdder())
        .increment();
    Served served = outcome.served();
    String finish = outcome.finish();
    if (served == null || outcome.usage().promptTokens() == 0) {
      return;
    }
    Counts counts = counts(served.name());
    counts.prompt.add(outcome.usage().promptTokens());
    counts.generated.add(outcome.usage().completionTokens());
    if (finish != null) {
      counts.finished.computeIfAbsent(finish, _ -> new LongAdder()).increment();
      TIMES.forEach((name, of) -> histogram(counts, name).add(of.applyAsDouble(outcome)));
      SIZES.forEach((name, of) -> histogram(counts, name).add(of.applyAsDouble(outcome)));
      Gaps gaps = outcome.usage().gaps();
      gaps.forEach(histogram(counts, BETWEEN)::add);
      if (gaps.count() > 0) {
        histogram(counts, A_TOKEN).add(gaps.sum() / gaps.count());
      }
    }
  }

  private static Histogram histogram(Counts counts, String name) {
    return Objects.requireNonNull(counts.histograms.get(name));
  }

  private Counts counts(String adapter) {
    Counts known = byAdapter.get(adapter);
    if (known != null) {
      return known;
    }
    boolean room = byAdapter.size() < MOST_ADAPTERS;
    return byAdapter.computeIfAbsent(room ? adapter : OTHER, _ -> new Counts());
  }

  /// A gauge or counter of the engine.
  public record Gauge(String name, String type, String labels, double value) {}

  /// Renders all metrics for a scrape.
  ///
  /// @param engine the engine's own metrics
  public String text(Iterable<Gauge> engine) {
    StringBuilder out = new StringBuilder();
    String last = "";
    for (Gauge gauge : engine) {
      if (!gauge.name.equals(last)) { // once for all labels
        type(out, gauge.name, gauge.type);
      }
      last = gauge.name;
      String labels = gauge.labels.isEmpty() ? labels() : labels() + "," + gauge.labels;
      line(out, gauge.name, labels, plain(gauge.value));
    }
    Map<String, Counts> sorted = new TreeMap<>(byAdapter);
    type(out, "vllm:prompt_tokens_total", "counter");
    sorted.forEach((a, c) -> line(out, "vllm:prompt_tokens_total", labels(a), "" + c.prompt));
    type(out, "vllm:generation_tokens_total", "counter");
    sorted.forEach(
        (a, c) -> line(out, "vllm:generation_tokens_total", labels(a), "" + c.generated));
    type(out, "vllm:request_success_total", "counter");
    sorted.forEach(
        (a, c) ->
            c.finished.forEach(
                (why, n) ->
                    line(
                        out,
                        "vllm:request_success_total",
                        labels(a) + ",finished_reason=\"" + why + "\"",
                        "" + n)));
    new Counts()
        .histograms
        .keySet()
        .forEach(
            name -> {
              type(out, name, "histogram");
              sorted.forEach((a, c) -> histogram(c, name).write(out, name, labels(a)));
            });
    type(out, "nudge:http_requests_total", "counter");
    new TreeMap<>(requests)
        .forEach((labels, n) -> line(out, "nudge:http_requests_total", labels, "" + n));
    return out.toString();
  }

  private String labels() {
    return "model_name=\"" + quoted(base) + "\",engine=\"0\"";
  }

  private String labels(String adapter) {
    return labels() + ",adapter=\"" + quoted(adapter.equals(base) ? "" : adapter) + "\"";
  }

  private static String quoted(String text) {
    return text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }

  private static void type(StringBuilder out, String name, String type) {
    out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  private static void line(StringBuilder out, String name, String labels, String value) {
    out.append(name).append('{').append(labels).append("} ").append(value).append('\n');
  }

  private static String plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? String.valueOf((long) value)
        : String.valueOf(value);
  }
}
