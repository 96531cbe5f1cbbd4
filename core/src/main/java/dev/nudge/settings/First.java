package dev.nudge.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Names the settings of a record that its help shows before all others.
///
/// Most people need no others. The rest follows by [Group].
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface First {

  /// Their keys in the order of the help, blanks between them: `data learning_rate`.
  String value();
}
