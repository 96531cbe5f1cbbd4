package dev.nudge.settings;

/// How the weights are trained.
public enum Method {
  LORA
}
