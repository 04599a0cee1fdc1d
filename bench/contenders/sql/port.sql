SELECT code, name FROM ports WHERE code = $1
