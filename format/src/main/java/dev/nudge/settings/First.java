package dev.nudge.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Names the settings that the help of a command shows first: those that most people need.
///
/// The rest follows by [Group].
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface First {

  /// Their keys in the order of the help, separated by blanks.
  String value();
}
