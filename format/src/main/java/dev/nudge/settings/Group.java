package dev.nudge.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Puts the settings of a nested record, or a setting and those after it, under a heading of the
/// help. Flags and keys stay flat.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Group {

  /// Returns the heading.
  String value();
}
