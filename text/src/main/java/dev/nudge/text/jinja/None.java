package dev.nudge.text.jinja;

/// Python's `None`.
public enum None implements Value {
  NONE;

  @Override
  public String type() {
    return "NoneType";
  }

  @Override
  public boolean isTrue() {
    return false;
  }
}
