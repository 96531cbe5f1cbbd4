package dev.nudge.eval;

import dev.nudge.PackageRules;
import java.util.Map;
import java.util.Set;

/// Holds evaluation to its map: which package may use which.
class ArchitectureTest implements PackageRules {
  private static final Map<String, Set<String>> MAY_USE =
      Map.ofEntries(
          Map.entry("eval.metric", Set.of("python")),
          Map.entry("eval.leak", Set.of("data.quality")),
          Map.entry("eval", Set.of("machine", "model", "text", "data", "engine", "generate")),
          Map.entry("eval.task", Set.of("format", "text.jinja", "data.source", "python")),
          Map.entry(
              "eval.run",
              Set.of(
                  "machine",
                  "format",
                  "identity",
                  "model",
                  "adapter",
                  "text",
                  "text.jinja",
                  "text.chat",
                  "data",
                  "engine",
                  "generate",
                  "eval",
                  "eval.metric",
                  "eval.task",
                  "python")),
          Map.entry(
              "eval.judge",
              Set.of(
                  "machine",
                  "format",
                  "identity",
                  "model",
                  "text",
                  "text.jinja",
                  "text.chat",
                  "data.source",
                  "data",
                  "generate",
                  "eval",
                  "eval.task",
                  "eval.run")),
          Map.entry(
              "eval.gate",
              Set.of("format", "eval", "eval.leak", "eval.task", "eval.run", "eval.judge")),
          Map.entry(
              "eval.report",
              Set.of(
                  "format",
                  "eval",
                  "eval.metric",
                  "eval.leak",
                  "eval.task",
                  "eval.run",
                  "eval.judge",
                  "eval.gate")),
          Map.entry(
              "eval.release",
              Set.of(
                  "kernel",
                  "machine",
                  "format",
                  "identity",
                  "model",
                  "text",
                  "data",
                  "engine",
                  "generate",
                  "merge",
                  "calibrate",
                  "export",
                  "registry",
                  "eval",
                  "eval.gate",
                  "eval.run")),
          Map.entry(
              "eval.sweep",
              Set.of(
                  "machine",
                  "format",
                  "model",
                  "adapter",
                  "data",
                  "curves",
                  "registry",
                  "plan",
                  "train",
                  "eval",
                  "eval.run")),
          Map.entry(
              "eval.suite",
              Set.of(
                  "machine",
                  "identity",
                  "format",
                  "data",
                  "text.chat",
                  "data.source",
                  "registry",
                  "eval.task",
                  "eval.leak",
                  "eval.run",
                  "eval.judge",
                  "eval.gate",
                  "eval.report")));

  @Override
  public String heading() {
    return "Packages of evaluation";
  }

  @Override
  public Map<String, Set<String>> mayUse() {
    return MAY_USE;
  }
}
