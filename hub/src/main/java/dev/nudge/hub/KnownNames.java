package dev.nudge.hub;

import java.util.List;

/// Models of the hub that are known to work: their families are held to the reference
/// implementation by nudge's tests, and their weights are safetensors.
public final class KnownNames {
  /// Names on the hub, a family's smallest first.
  public static final List<String> ALL =
      List.of(
          "HuggingFaceTB/SmolLM2-135M-Instruct",
          "HuggingFaceTB/SmolLM2-360M-Instruct",
          "HuggingFaceTB/SmolLM2-1.7B-Instruct",
          "Qwen/Qwen2.5-0.5B-Instruct",
          "Qwen/Qwen2.5-1.5B-Instruct",
          "Qwen/Qwen2.5-3B-Instruct",
          "Qwen/Qwen2.5-7B-Instruct",
          "Qwen/Qwen2.5-14B-Instruct",
          "Qwen/Qwen3-0.6B",
          "Qwen/Qwen3-1.7B",
          "Qwen/Qwen3-4B",
          "Qwen/Qwen3-8B",
          "Qwen/Qwen3-14B",
          "meta-llama/Llama-3.2-1B-Instruct",
          "meta-llama/Llama-3.2-3B-Instruct",
          "meta-llama/Llama-3.1-8B-Instruct",
          "mistralai/Mistral-7B-Instruct-v0.3",
          "mistralai/Mistral-Nemo-Instruct-2407");

  private KnownNames() {}
}
