// Package fields takes numbers and strings off the front of bytes that may be damaged. The spools
// of package queue and the indexes of package lineindex are made of them.
//
//	f := fields.Reader{Rest: record}
//	name, lines := f.String(), f.Uvarint()
//	if f.Bad || len(f.Rest) > 0 {
//		return errDamaged
//	}
package fields
