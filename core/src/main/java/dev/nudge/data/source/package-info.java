/// Reads files of rows, whatever their format: each row comes as the text of a JSON object, with
/// the line where it begins.
///
/// [SourceFiles] finds the files that are meant by names, globs and folders; [Sources] recognises
/// the format of a file by how it begins: lines ([Lines]), a JSON array or objects over several
/// lines ([JsonElements]), CSV ([CsvRecords]), any of them with gzip. Parquet and queries are read
/// by a [TableReader], a module of its own. What stays unsupported is named with what makes rows of
/// it ([OtherFormat]).
///
/// It knows nothing about what a row means, tokens or models.
///
/// Read [Sources] first.
@NullMarked
package dev.nudge.data.source;

import org.jspecify.annotations.NullMarked;
