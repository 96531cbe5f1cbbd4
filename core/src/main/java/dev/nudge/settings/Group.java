package dev.nudge.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Puts the settings of a nested record, or a setting and those after it, under one heading of
/// the help.
///
/// Names stay flat: a group is for the reader only.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Group {

  /// The heading.
  String value();
}
