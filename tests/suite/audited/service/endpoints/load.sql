/*
post = "/patients/load"
copy = "patients (name)"
audit = true
*/
