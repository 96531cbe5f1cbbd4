package dev.nudge;

import java.util.Map;
import java.util.Set;

/// Holds the library to its map: which package may use which.
class ArchitectureTest implements PackageRules {
  /// Package → packages that it may use, in reading order. `settings` may be used from anywhere.
  private static final Map<String, Set<String>> MAY_USE =
      Map.ofEntries(
          Map.entry("settings", Set.of()),
          Map.entry("python", Set.of()),
          Map.entry("tensor", Set.of()),
          Map.entry("tensor.onednn", Set.of("tensor")),
          Map.entry("kernel", Set.of("tensor")),
          Map.entry("kernel.simd", Set.of("tensor", "kernel")),
          Map.entry("kernel.code", Set.of("tensor", "kernel")),
          Map.entry("collective", Set.of()),
          Map.entry("machine", Set.of("tensor", "kernel", "collective")),
          Map.entry("nn", Set.of("tensor", "kernel")),
          Map.entry("gguf", Set.of("tensor", "python")),
          Map.entry("gguf.block", Set.of("tensor", "gguf")),
          Map.entry(
              "quant", Set.of("tensor", "kernel", "nn", "gguf", "gguf.block", "format", "python")),
          Map.entry("format", Set.of("tensor", "gguf", "gguf.block")),
          Map.entry("identity", Set.of("tensor", "quant", "format", "python")),
          Map.entry(
              "model",
              Set.of("tensor", "kernel", "machine", "nn", "quant", "format", "identity", "python")),
          Map.entry("adapter", Set.of("tensor", "kernel", "machine", "nn", "format", "python")),
          Map.entry("text", Set.of("format")),
          Map.entry("text.jinja", Set.of("python")),
          Map.entry("text.chat", Set.of("format", "text", "text.jinja")),
          Map.entry("constrain", Set.of("format", "text")),
          Map.entry("data.source", Set.of()),
          Map.entry("data.quality", Set.of()),
          Map.entry(
              "data",
              Set.of("tensor", "format", "text", "text.chat", "data.source", "data.quality")),
          Map.entry("align", Set.of("format", "constrain", "data")),
          Map.entry("init", Set.of("format", "model", "text", "data")),
          Map.entry("curves", Set.of("format")),
          Map.entry(
              "engine", Set.of("tensor", "kernel", "machine", "nn", "model", "adapter", "data")),
          Map.entry(
              "generate",
              Set.of(
                  "tensor",
                  "machine",
                  "nn",
                  "identity",
                  "model",
                  "adapter",
                  "text",
                  "text.chat",
                  "data",
                  "format",
                  "constrain",
                  "engine")),
          Map.entry(
              "merge",
              Set.of(
                  "tensor",
                  "kernel",
                  "machine",
                  "nn",
                  "format",
                  "identity",
                  "model",
                  "adapter",
                  "text",
                  "python")),
          Map.entry(
              "export",
              Set.of(
                  "tensor",
                  "kernel",
                  "machine",
                  "gguf",
                  "gguf.block",
                  "format",
                  "identity",
                  "model",
                  "adapter",
                  "text",
                  "text.chat",
                  "merge")),
          Map.entry(
              "calibrate",
              Set.of(
                  "tensor",
                  "kernel",
                  "machine",
                  "nn",
                  "quant",
                  "format",
                  "identity",
                  "model",
                  "text",
                  "data",
                  "merge",
                  "python")),
          Map.entry(
              "plan", Set.of("tensor", "kernel", "machine", "nn", "quant", "model", "adapter")),
          Map.entry(
              "train",
              Set.of(
                  "tensor",
                  "kernel",
                  "collective",
                  "machine",
                  "nn",
                  "format",
                  "identity",
                  "model",
                  "adapter",
                  "text",
                  "text.chat",
                  "data",
                  "align",
                  "engine",
                  "generate",
                  "plan",
                  "curves")),
          Map.entry("runs", Set.of("machine", "format", "identity", "curves", "plan", "train")),
          Map.entry("registry", Set.of("format", "identity", "adapter")),
          Map.entry(
              "chat",
              Set.of(
                  "machine",
                  "adapter",
                  "text",
                  "text.chat",
                  "data",
                  "format",
                  "constrain",
                  "generate",
                  "registry")),
          Map.entry(
              ROOT,
              Set.of(
                  "kernel",
                  "machine",
                  "model",
                  "calibrate",
                  "init",
                  "engine",
                  "generate",
                  "merge",
                  "export",
                  "train",
                  "runs",
                  "registry")));

  @Override
  public String heading() {
    return "Packages of the library, in reading order";
  }

  @Override
  public Map<String, Set<String>> mayUse() {
    return MAY_USE;
  }
}
