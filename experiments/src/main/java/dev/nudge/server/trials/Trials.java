package dev.nudge.server.trials;

import dev.nudge.identity.BaseDigest;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Registry;
import dev.nudge.server.Routes;
import dev.nudge.server.ServeSettings;
import dev.nudge.server.ServedAdapters;
import dev.nudge.server.ServerExtension;
import dev.nudge.server.capture.Capture;
import dev.nudge.server.capture.CapturedAnswer;
import dev.nudge.server.experiments.Experiments;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Heading;
import dev.nudge.server.http.Served;
import dev.nudge.server.metrics.PrometheusMetrics;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Experiments, capture and feedback as an extension of a server:
///
///     Server.start(settings, machine, warnings, Trials::open)
public final class Trials implements ServerExtension {
  private final @Nullable Experiments experiments;
  private final ArmAdapters arms;
  private @Nullable ArmHandler handler; // if the server has experiments
  private @Nullable Capture capture;

  private Trials(@Nullable Experiments experiments, ArmAdapters arms) {
    this.experiments = experiments;
    this.arms = arms;
  }

  /// Opens the experiments of the settings, if they name a folder.
  ///
  /// @throws dev.nudge.settings.InputException if another server uses the folder, or a log is
  ///     corrupt
  public static Trials open(ServeSettings settings, ServedAdapters adapters, Registry registry) {
    ArmAdapters arms = new ArmAdapters(adapters, registry, settings.baseName());
    return new Trials(
        settings.experiments() == null ? null : Experiments.open(settings.experiments(), arms),
        arms);
  }

  @Override
  public ServedAdapters adapters(ServedAdapters adapters) {
    return experiments == null ? adapters : new TrialAdapters(adapters, experiments, arms);
  }

  @Override
  public void start(Host host, Machine machine) {
    ServeSettings settings = host.settings();
    if (experiments != null) {
      handler = new ArmHandler(experiments, arms, host);
      experiments.check(handler::check);
    }
    if (settings.captured().capture() != null) {
      String base = BaseDigest.of(settings.model(), machine.cache());
      capture = Capture.open(settings.captured(), base, host.warnings());
    }
  }

  @Override
  public Routes.Handler around(Routes.Handler route) {
    return handler == null ? route : handler.around(route);
  }

  /// Whether the server captures answers and the request has no `"store": false`.
  @Override
  public boolean keeps(Fields request) {
    return capture != null && request.flag("store", true);
  }

  @Override
  public void answered(Answer answer) {
    Exchange exchange = answer.exchange();
    if (capture == null || !keeps(exchange.body())) {
      return;
    }
    Heading heading = answer.heading();
    Served served = heading.served();
    capture.answered(
        new CapturedAnswer(
            exchange.requestId(),
            heading.id(),
            exchange.client().name(),
            heading.model(),
            served.name(),
            served.version(),
            served.digest(),
            capture.base(),
            exchange.experiment(),
            exchange.arm(),
            answer.prompt(),
            answer.tools(),
            answer.reply().answers(),
            answer.reply().finishes()));
  }

  @Override
  public void add(Routes routes) {
    routes.client("POST", "/v1/feedback", new FeedbackRoute(experiments, capture));
    if (experiments == null) {
      ExperimentRoutes.addNone(routes);
    } else {
      new ExperimentRoutes(experiments).add(routes);
    }
  }

  @Override
  public void metrics(List<PrometheusMetrics.Gauge> gauges) {
    if (capture != null) {
      gauges.add(counter("nudge:captured_total", "", capture.written()));
      gauges.add(counter("nudge:capture_dropped_total", "reason=\"queue\"", capture.dropped()));
      gauges.add(counter("nudge:capture_dropped_total", "reason=\"disk\"", capture.failed()));
    }
  }

  private static PrometheusMetrics.Gauge counter(String name, String labels, long value) {
    return new PrometheusMetrics.Gauge(name, "counter", labels, value);
  }

  /// Adds counts only, never texts.
  @Override
  public void load(Map<String, Object> load) {
    if (capture != null) {
      load.put("feedback", capture.lastDay());
    }
  }

  @Override
  public void close() {
    if (experiments != null) {
      experiments.close();
    }
    if (capture != null) {
      capture.close();
    }
  }
}
